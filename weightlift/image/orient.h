#pragma once

#include "weightlift/image/picture.h"

namespace weightlift {

/// The picture as EXIF's orientation (1 to 8) wants it seen: Pillow's ImageOps.exif_transpose.
Picture orient(Picture picture, int orientation);

}  // namespace weightlift
