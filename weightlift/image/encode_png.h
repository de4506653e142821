#pragma once

#include <string>

#include "weightlift/image/image.h"

namespace weightlift {

/// Returns the bytes of a PNG file with this image, 8 bits per sample. Throws UsageError as
/// require_consistent, and UnsupportedError for images that are too large for libpng.
std::string encode_png(const Image& image);

}  // namespace weightlift
