#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "weightlift/image.h"
#include "weightlift/image/image.h"
#include "weightlift/progress.h"

namespace weightlift {

/// Whether the first bytes are those of a format that decode_image reads.
bool looks_like_image(std::span<const std::byte> bytes);

}  // namespace weightlift
