#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/image/exif.h"
#include "weightlift/image/picture.h"

// The decoders of the formats and what they share. Only the decode*.cpp files include this.

namespace weightlift {

/// A file to decode. `bytes` and `where` must outlive it.
struct PictureFile {
  std::span<const std::byte> bytes;
  const std::string& where;
  std::int64_t max_pixels;
};

/// A picture as its file has it: RGB or L as stored, not turned yet.
struct StoredPicture {
  Picture picture;
  PictureMetadata metadata;
  std::size_t end_bytes = 0;  ///< where the picture ends; what follows in the file is not read
  std::vector<std::string> notes;
};

/// Throws FormatError "where: picture: expected X, got Y[; advice]".
[[noreturn]] void refuse_picture(const PictureFile& file, std::string_view expected,
                                 std::string_view got, std::string_view advice = {});

/// Throws FormatError for a file that ends before its picture does. `format` is "JPEG".
[[noreturn]] void refuse_truncated(const PictureFile& file, std::string_view format);

/// A black picture. Refuses sizes of zero and those beyond the limit.
Picture make_picture(const PictureFile& file, std::int64_t width, std::int64_t height,
                     std::int64_t channels);

/// Refuses what make_picture would refuse, before anything is allocated.
void require_size(const PictureFile& file, std::int64_t width, std::int64_t height);

StoredPicture decode_jpeg(const PictureFile& file);
StoredPicture decode_png(const PictureFile& file);
StoredPicture decode_webp(const PictureFile& file);
StoredPicture decode_bmp(const PictureFile& file);
StoredPicture decode_ppm(const PictureFile& file);

}  // namespace weightlift
