#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "weightlift/tensor.h"

namespace weightlift {

/// Converts packed little-endian elements among F16, BF16, F32 and F64, as torch's `Tensor.to` does
/// on a CPU: rounds half to even, overflows to infinity, keeps denormals and the sign of zero; F64
/// to a 16-bit type goes through F32, and so rounds twice. NaN stays NaN: in F16 with its sign and
/// what fits of its payload, in BF16 always 0x7FC0 (torch's NaN bits depend on the machine).
/// Neither span needs alignment; they must not overlap. Throws UnsupportedError for other dtypes,
/// and MismatchError unless `in` and `out` hold the same whole number of elements.
void convert_elements(std::span<const std::byte> in, DType from, DType to,
                      std::span<std::byte> out);

/// Converts to dtype `via` and its result to dtype `to`, as two calls of convert_elements, but with
/// a small buffer between them. Throws as they do.
void convert_elements_via(std::span<const std::byte> in, DType from, DType via, DType to,
                          std::span<std::byte> out);

/// Receives consecutive elements of a tensor. Returning false ends the reading early.
using PieceReader = std::function<bool(std::span<const std::byte> piece)>;

/// Reads a tensor as `dtype`, in pieces of at most 2 MiB. A piece is part of the tensor's own
/// memory where the tensor has that dtype, else of a buffer that the next piece uses again.
/// Releases mapped pages of the tensor after each piece (release_mapped). Throws as
/// convert_elements where the dtypes differ.
void read_as(const Tensor& tensor, DType dtype, const PieceReader& read);

}  // namespace weightlift
