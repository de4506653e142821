#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace weightlift {

/// The most pixels of a side: Pillow's sizes are C ints.
inline constexpr std::int64_t kLongestSide = 2147483647;

/// An image of 8-bit samples: rows from the top, pixels from the left, channels interleaved, no
/// padding. It has 3 channels (red, green, blue) or 1 (luminance), as Pillow's modes RGB and L.
struct Image {
  std::int64_t width = 0;   ///< pixels
  std::int64_t height = 0;  ///< pixels
  std::int64_t channels = 3;
  std::vector<std::uint8_t> samples;  ///< height * width * channels

  friend bool operator==(const Image&, const Image&) = default;
};

/// Throws UsageError unless the image has 1 or 3 channels, sides of 1 to kLongestSide pixels, and
/// as many samples as these say.
void require_consistent(const Image& image);

}  // namespace weightlift
