#pragma once

#include <cstdint>

#include "weightlift/tensor.h"

namespace weightlift {

/// Whether `a`, converted to the dtype of `b` (convert.h), has the shape and bytes of `b`. Reads as
/// bit_equal, and converts through a small buffer. Throws UnsupportedError for a conversion that
/// convert.h does not have.
bool bit_equal_converted(const Tensor& a, const Tensor& b);

/// Numbers of elements that are not finite.
struct NonFinite {
  std::int64_t nan = 0;
  std::int64_t inf = 0;
};

/// The number of NaN and of infinities in a tensor of F16, BF16, F32 or F64; none in other dtypes.
/// Releases mapped pages while it reads.
NonFinite count_non_finite(const Tensor& tensor);

}  // namespace weightlift
