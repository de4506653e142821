#pragma once

#include <cstdint>

#include "weightlift/image/image.h"

namespace weightlift {

/// Pillow's filters, by its numbers.
enum class Resample : std::uint8_t { kNearest, kLanczos, kBilinear, kBicubic, kBox, kHamming };

/// A rectangle of pixels inside an image.
struct Box {
  std::int64_t left = 0, top = 0, width = 0, height = 0;
};

/// Returns the image at another size, bit for bit as Pillow 13.0.0's Image.resize for modes RGB and
/// L. Throws UsageError for a side of 0 or beyond 2^31 - 1, and as require_consistent. Source:
/// src/libImaging/Resample.c and Geometry.c of Pillow 13.0.0.
Image resize(const Image& image, std::int64_t width, std::int64_t height, Resample filter);

/// Returns `part` of the resized image. Computes only what it depends on. Throws UsageError also
/// for a part that is empty or not inside it.
Image resize(const Image& image, std::int64_t width, std::int64_t height, Resample filter,
             const Box& part);

}  // namespace weightlift
