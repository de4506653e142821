#pragma once

#include <cstdint>
#include <span>

#include "weightlift/image/picture.h"

namespace weightlift {

/// Pillow's convert("RGB"): three times the luminance. A picture with three channels stays.
Picture to_rgb(Picture picture);

/// Pillow's convert("L"): ITU-R 601-2 in integers. A picture with one channel stays.
Picture to_luminance(Picture picture);

/// Pillow's convert("RGB") of CMYK, after the inversion that it takes every CMYK JPEG to have:
/// `inverted` has four bytes per pixel, 255 for no ink, `rgb` three.
void inverted_cmyk_to_rgb(std::span<const std::uint8_t> inverted, std::span<std::uint8_t> rgb);

}  // namespace weightlift
