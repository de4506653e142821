#pragma once

#include "weightlift/image/image.h"

namespace weightlift {

/// Returns the image upright, given EXIF's orientation (1 to 8): Pillow's ImageOps.exif_transpose.
Image orient(Image image, int orientation);

}  // namespace weightlift
