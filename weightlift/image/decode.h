#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "weightlift/base/note.h"
#include "weightlift/image/image.h"

namespace weightlift {

/// The samples of a decoded image: red, green and blue, or luminance.
enum class ColorMode { kRGB, kL };

struct DecodeLimits {
  /// Pillow warns beyond its MAX_IMAGE_PIXELS of 89,478,485 and refuses beyond twice that: a few
  /// bytes of a file can declare gigabytes of pixels. 179 million pixels are 512 MB in RGB.
  std::int64_t max_pixels = 178'956'970;
};

struct DecodedImage {
  Image image;
  std::string format;  ///< "JPEG", "PNG", "WebP", "BMP" or "PPM" (also PGM and PBM)
  Notes notes;         ///< ignored frames, damage
};

/// Decodes `bytes`, whose content decides the format: JPEG, PNG, WebP, BMP or PPM/PGM/PBM. Decodes
/// the first frame of an animation. The samples are those of Pillow 13's
/// `ImageOps.exif_transpose(Image.open(file)).convert("RGB")`, or "L": rotated as EXIF or XMP say,
/// alpha dropped and not composited, 16-bit luminance clipped at 255, color profiles not applied.
/// Memory: at most about 12 bytes per pixel.
///
/// Throws FormatError where the bytes are no image, or are truncated or broken; UnsupportedError
/// where the format or a variant of it is unsupported, or the image exceeds the limits;
/// NoMemoryError where the pixels do not fit in memory.
///
/// Pillow decides three cases differently. Broken EXIF data only loses the orientation here, and
/// gives a note. A PNG that ends within its compressed pixels is refused even where no pixel is
/// missing. Lossless JPEGs are refused where libjpeg-turbo is older than 3.
DecodedImage decode_image(std::span<const std::byte> bytes, ColorMode mode,
                          const std::string& where, const DecodeLimits& limits = {});

/// Decodes a file, as decode_image. Also throws what MappedFile::open throws.
DecodedImage load_image(const std::filesystem::path& file, ColorMode mode,
                        const DecodeLimits& limits = {});

/// Whether the first bytes are those of a format that decode_image reads.
bool looks_like_image(std::span<const std::byte> bytes);

}  // namespace weightlift
