#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "weightlift/image/exif.h"

namespace weightlift {

/// What the chunks of a PNG contain in addition to the pixels.
struct PngChunks {
  ImageMetadata metadata;
  std::size_t end_bytes = 0;  ///< the end of the last whole chunk that was read
  bool has_end = false;       ///< IEND was found
  std::uint32_t frames = 1;   ///< of an animation, including the default image
};

/// Reads the chunks of a PNG: EXIF (eXIf, or hexadecimal in a text as ImageMagick writes it) and
/// XMP, as Pillow finds them. Never fails: broken chunks are ignored.
PngChunks read_png_chunks(std::span<const std::byte> bytes);

}  // namespace weightlift
