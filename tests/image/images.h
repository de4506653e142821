#pragma once

#include <cstdint>

#include "weightlift/image/image.h"

namespace weightlift::testing {

/// The image of tests/data/make_pixels.py: sample i is bits 13 to 20 of i * 2654435761.
inline Image make_image(std::int64_t width, std::int64_t height, std::int64_t channels) {
  Image image{width, height, channels, {}};
  const auto count = static_cast<std::uint64_t>(width * height * channels);
  for (std::uint64_t i = 0; i < count; ++i) {
    image.samples.push_back(static_cast<std::uint8_t>(i * 2654435761U >> 13U));
  }
  return image;
}

}  // namespace weightlift::testing
