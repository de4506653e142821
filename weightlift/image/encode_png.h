#pragma once

#include <string>

#include "weightlift/image/picture.h"

namespace weightlift {

/// The bytes of a PNG file of this picture, 8 bits a sample. Throws MismatchError where a side is 0
/// or beyond what a PNG can have (2^31 - 1).
std::string encode_png(const Picture& picture);

}  // namespace weightlift
