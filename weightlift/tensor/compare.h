#pragma once

#include <cstdint>

#include "weightlift/tensor/tensor.h"

namespace weightlift {

/// Whether dtype, shape and bytes are the same: NaN equals the same NaN, 0 does not equal -0.
/// Releases mapped pages of both while it reads (release_mapped).
bool bit_equal(const Tensor& a, const Tensor& b);

/// Whether `a`, converted to the dtype of `b` (convert.h), has the shape and bytes of `b`. Reads as
/// bit_equal, and converts through a small buffer. Throws UnsupportedError for a conversion that
/// convert.h does not have.
bool bit_equal_converted(const Tensor& a, const Tensor& b);

/// How far F32 tensor `a` is from `b`; a plain value. NaN in the same place of both counts as
/// equal; NaN and anything else are infinitely far apart.
struct Difference {
  float max_abs = 0;                 ///< the largest |a - b|
  double sum_abs = 0;                ///< of all |a - b|; divided by the elements, the mean
  float max_rel = 0;                 ///< the largest |a - b| / |b|; infinite where only b is 0
  std::int64_t different_count = 0;  ///< elements with a != b (0 equals -0)
  std::int64_t max_abs_index = -1;   ///< the first element that has max_abs, -1 where all are equal
};

/// Compares all elements. Throws MismatchError unless both are F32 of one shape.
Difference measure_difference(const Tensor& a, const Tensor& b);

/// torch.allclose(a, b, rtol, atol, equal_nan=True): |a - b| <= atol + rtol * |b| in float32
/// arithmetic, for each element that differs. Throws MismatchError unless both are F32
/// of one shape.
bool allclose(const Tensor& a, const Tensor& b, double rtol, double atol);

/// Numbers of elements that are not finite.
struct NonFinite {
  std::int64_t nan = 0;
  std::int64_t inf = 0;
};

/// The number of NaN and of infinities in a tensor of F16, BF16, F32 or F64; none in other dtypes.
/// Releases mapped pages while it reads.
NonFinite count_non_finite(const Tensor& tensor);

}  // namespace weightlift
