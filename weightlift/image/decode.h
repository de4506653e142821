#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "weightlift/image/picture.h"

namespace weightlift {

/// What a decoded picture's samples are: red, green and blue, or luminance.
enum class ColorMode { kRGB, kL };

struct DecodeLimits {
  /// Pillow warns beyond its MAX_IMAGE_PIXELS of 89,478,485 and refuses beyond twice that: a few
  /// bytes of a file can declare gigabytes of pixels. 179 million pixels are 512 MB in RGB.
  std::int64_t max_pixels = 178'956'970;
};

struct DecodedPicture {
  Picture picture;
  std::string format;              ///< "JPEG", "PNG", "WebP", "BMP" or "PPM" (also PGM and PBM)
  std::vector<std::string> notes;  ///< what a reader may want to know: frames left out, damage
};

/// The picture in `bytes`, told by its content: JPEG, PNG, WebP, BMP or PPM/PGM/PBM, of an
/// animation the first frame. Samples are those of Pillow 13's
/// `ImageOps.exif_transpose(Image.open(file)).convert("RGB")`, or "L": turned as EXIF or XMP say,
/// alpha dropped and not composited, 16-bit luminance clipped at 255, colour profiles not applied.
/// Throws FormatError "where: picture: expected X, got Y; what to do" for what is no such picture,
/// is truncated, broken, or beyond the limits. Memory: about 12 bytes per pixel at most. Judged
/// otherwise than by Pillow: broken EXIF data costs the orientation and gives a note instead of a
/// refusal; a PNG that ends within its compressed pixels is refused even where none of them lacks;
/// and so are lossless JPEGs where libjpeg-turbo is older than 3.
DecodedPicture decode_picture(std::span<const std::byte> bytes, ColorMode mode,
                              const std::string& where, const DecodeLimits& limits = {});

/// The same of a file. Throws IoError where it cannot be read, too.
DecodedPicture load_picture(const std::filesystem::path& file, ColorMode mode,
                            const DecodeLimits& limits = {});

/// Whether the first bytes are those of a format that decode_picture reads.
bool looks_like_picture(std::span<const std::byte> bytes);

}  // namespace weightlift
