#pragma once

#include <cstdint>
#include <span>

#include "weightlift/image/image.h"

namespace weightlift {

/// Pillow's convert("RGB"): three times the luminance. An image with three channels is unchanged.
Image to_rgb(Image image);

/// Pillow's convert("L"): ITU-R 601-2 in integers. An image with one channel is unchanged.
Image to_luminance(Image image);

/// Converts CMYK as Pillow's convert("RGB"), which assumes that every CMYK JPEG is inverted:
/// `inverted` has four bytes per pixel, 255 for no ink; `rgb` has three.
void inverted_cmyk_to_rgb(std::span<const std::uint8_t> inverted, std::span<std::uint8_t> rgb);

}  // namespace weightlift
