#pragma once

#include <cstdint>
#include <optional>

#include "weightlift/tensor.h"

namespace weightlift {

/// Compares values across dtypes: F16, BF16, F32, F64, integers and BOOL (integers beyond 2^53 lose
/// their last digits). Returns nothing for other dtypes. Releases mapped pages of both while it
/// reads. Throws MismatchError unless both have one shape.
std::optional<ValueDifference> value_difference(const Tensor& a, const Tensor& b);

}  // namespace weightlift
