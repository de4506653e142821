#pragma once

#include <string>

#include "weightlift/image/image.h"

namespace weightlift {

/// Returns the bytes of a PNG file with this image, 8 bits per sample. Throws UnsupportedError
/// where a side is 0 or longer than a PNG allows (2^31 - 1).
std::string encode_png(const Image& image);

}  // namespace weightlift
