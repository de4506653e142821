#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/image/exif.h"
#include "weightlift/image/image.h"
#include "weightlift/progress.h"

// The decoders of the formats, and what they share. Only the decode*.cpp files include this.

namespace weightlift {

/// A file to decode. `bytes` and `where` must outlive it.
struct ImageFile {
  std::span<const std::byte> bytes;
  const std::string& where;
  std::int64_t max_pixels;
};

/// An image as stored in its file: RGB or L, not rotated yet.
struct StoredImage {
  Image image;
  ImageMetadata metadata;
  std::size_t end_bytes = 0;  ///< where the image ends; the rest of the file is not read
  Notes notes;                ///< ignored frames, damage
};

/// Throws FormatError "where: message", with `advice` as its hint where it is not empty.
[[noreturn]] void refuse_image(const ImageFile& file, std::string message,
                               std::string_view advice = {});

/// Throws UnsupportedError "where: message", with `advice` as its hint.
[[noreturn]] void refuse_unsupported(const ImageFile& file, std::string message,
                                     std::string_view advice);

/// Throws FormatError for a file that ends before its image does. `format` is "JPEG" or another
/// name.
[[noreturn]] void refuse_truncated(const ImageFile& file, std::string_view format);

/// Returns a black image. Refuses what require_size refuses.
Image make_image(const ImageFile& file, std::int64_t width, std::int64_t height,
                 std::int64_t channels);

/// Refuses sides of zero (FormatError) and more pixels than the limit (UnsupportedError). Allocates
/// nothing.
void require_size(const ImageFile& file, std::int64_t width, std::int64_t height);

StoredImage decode_jpeg(const ImageFile& file);
StoredImage decode_png(const ImageFile& file);
StoredImage decode_webp(const ImageFile& file);
StoredImage decode_bmp(const ImageFile& file);
StoredImage decode_ppm(const ImageFile& file);

}  // namespace weightlift
