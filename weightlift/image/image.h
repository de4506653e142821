#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace weightlift {

/// An image of 8-bit samples: rows from the top, pixels from the left, channels interleaved, no
/// padding. It has 3 channels (red, green, blue) or 1 (luminance), as Pillow's modes RGB and L.
struct Image {
  std::int64_t width = 0;   ///< pixels
  std::int64_t height = 0;  ///< pixels
  std::int64_t channels = 3;
  std::vector<std::uint8_t> samples;  ///< height * width * channels

  friend bool operator==(const Image&, const Image&) = default;
};

}  // namespace weightlift
