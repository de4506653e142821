#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "weightlift/image/exif.h"

namespace weightlift {

/// What the chunks of a PNG say beside its pixels.
struct PngChunks {
  PictureMetadata metadata;
  std::size_t end_bytes = 0;  ///< where the file's last whole chunk ends, IEND or what comes before
  bool has_end = false;       ///< IEND was found
  std::uint32_t frames = 1;   ///< of an animation, the default picture included
};

/// Walks the chunks of a PNG: EXIF (eXIf, or hexadecimal in a text as ImageMagick writes it) and
/// XMP, as Pillow finds them. Never fails: what is broken there is left out.
PngChunks read_png_chunks(std::span<const std::byte> bytes);

}  // namespace weightlift
