#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "weightlift/image.h"

namespace weightlift {

/// The most pixels of a side: Pillow's sizes are C ints.
inline constexpr std::int64_t kLongestSide = 2147483647;

/// Throws UsageError unless the image has 1 or 3 channels, sides of 1 to kLongestSide pixels, and
/// as many samples as these say.
void require_consistent(const Image& image);

}  // namespace weightlift
