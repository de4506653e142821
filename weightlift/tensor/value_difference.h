#pragma once

#include <cstdint>
#include <optional>

#include "weightlift/tensor/tensor.h"

namespace weightlift {

/// How far the values of one tensor are from another's, in float64 arithmetic. The rules are those
/// of Difference: 0 equals -0, NaN equals NaN, NaN and anything else are infinitely far apart.
struct ValueDifference {
  double max_abs = 0;                ///< the largest |a - b|
  double max_rel = 0;                ///< the largest |a - b| / |b|; infinite where only b is 0
  std::int64_t different_count = 0;  ///< elements whose values are not equal
};

/// Compares values across dtypes: F16, BF16, F32, F64, integers and BOOL (integers beyond 2^53 lose
/// their last digits). Returns nothing for other dtypes. Releases mapped pages of both while it
/// reads. Throws MismatchError unless both have one shape.
std::optional<ValueDifference> value_difference(const Tensor& a, const Tensor& b);

}  // namespace weightlift
