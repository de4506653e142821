#pragma once

#include <cstdint>

#include "weightlift/image/picture.h"

namespace weightlift {

/// Pillow's filters, by its numbers.
enum class Resample : std::uint8_t { kNearest, kLanczos, kBilinear, kBicubic, kBox, kHamming };

/// A rectangle of pixels inside a picture.
struct Box {
  std::int64_t left = 0, top = 0, width = 0, height = 0;
};

/// The picture at another size, bit for bit what Pillow 13.0.0's Image.resize gives for modes RGB
/// and L. No side may be 0 or beyond 2^31 - 1. Source: src/libImaging/Resample.c and Geometry.c of
/// Pillow 13.0.0.
Picture resize(const Picture& picture, std::int64_t width, std::int64_t height, Resample filter);

/// `part` of that, which must lie inside of it: only what it depends on is computed.
Picture resize(const Picture& picture, std::int64_t width, std::int64_t height, Resample filter,
               const Box& part);

}  // namespace weightlift
