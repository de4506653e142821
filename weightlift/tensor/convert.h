#pragma once

#include <cstddef>
#include <span>

#include "weightlift/tensor/dtype.h"
#include "weightlift/tensor/tensor.h"

namespace weightlift {

/// Converts packed little-endian elements among F16, BF16, F32 and F64, as torch's `Tensor.to` does
/// on a CPU: rounds half to even, overflows to infinity, keeps denormals and the sign of zero; F64
/// to a 16-bit type goes through F32, and so rounds twice. NaN stays NaN: in F16 with its sign and
/// what fits of its payload, in BF16 always 0x7FC0 (torch's NaN bits depend on the machine).
/// Neither span needs alignment; they must not overlap. Throws UnsupportedError for other dtypes,
/// and MismatchError unless `in` and `out` hold the same whole number of elements.
void convert_elements(std::span<const std::byte> in, DType from, DType to,
                      std::span<std::byte> out);

/// The tensor itself where it has that dtype, else a converted copy. Throws UnsupportedError as
/// convert_elements.
Tensor to_dtype(const Tensor& tensor, DType dtype);

}  // namespace weightlift
