#pragma once

#include <cstdint>

#include "weightlift/image/picture.h"

namespace weightlift::testing {

/// The picture of tests/data/make_pixels.py: sample i is bits 13 to 20 of i * 2654435761.
inline Picture make_picture(std::int64_t width, std::int64_t height, std::int64_t channels) {
  Picture picture{width, height, channels, {}};
  const auto count = static_cast<std::uint64_t>(width * height * channels);
  for (std::uint64_t i = 0; i < count; ++i) {
    picture.samples.push_back(static_cast<std::uint8_t>(i * 2654435761U >> 13U));
  }
  return picture;
}

}  // namespace weightlift::testing
