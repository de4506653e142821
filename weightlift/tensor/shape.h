#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace weightlift {

/// Dimensions of a row-major tensor, outermost first; [] is a scalar.
using Shape = std::vector<std::int64_t>;

/// Number of elements: 1 for a scalar. Throws MismatchError where checked_numel has no answer. A
/// tensor's own shape always has one.
std::int64_t numel(const Shape& shape);

/// The same for a shape that may be invalid, as one from a file: nothing where a dimension is
/// negative, or where the product of the dimensions other than zeros overflows, so that
/// [0, 2^62, 2^62] is refused in any order.
std::optional<std::int64_t> checked_numel(const Shape& shape);

/// "[64, 3, 7, 7]"
std::string to_string(const Shape& shape);

}  // namespace weightlift
