#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace weightlift {

/// A picture of 8-bit samples: rows from the top, pixels from the left, channels side by side, no
/// padding. Channels are 3 (red, green, blue) or 1 (luminance), as Pillow's modes RGB and L.
struct Picture {
  std::int64_t width = 0;   ///< pixels
  std::int64_t height = 0;  ///< pixels
  std::int64_t channels = 3;
  std::vector<std::uint8_t> samples;  ///< height * width * channels

  friend bool operator==(const Picture&, const Picture&) = default;
};

}  // namespace weightlift
