#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/image.h"
#include "weightlift/number.h"

namespace weightlift {

/// From this shortest_edge on, ConvNextImageProcessor resizes to a square, whatever the aspect
/// ratio. It ignores crop_pct and crops nothing.
inline constexpr std::int64_t kFirstSquashedEdge = 384;

/// The longest side in a file, in pixels: far more than any network; 268 million numbers.
inline constexpr std::int64_t kMaxProcessorSide = 8192;

/// timm's name for Pillow's filter number. Throws UsageError for other numbers.
std::string_view interpolation_of(std::int64_t resample);

/// Pillow's filter number for timm's interpolation ("bilinear"), -1 where Pillow has none.
std::int64_t resample_of(std::string_view interpolation);

}  // namespace weightlift
