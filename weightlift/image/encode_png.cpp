#include "weightlift/image/encode_png.h"

#include <fmt/format.h>
#include <png.h>

#include "weightlift/base/error.h"

namespace weightlift {

std::string encode_png(const Picture& picture) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(picture.width);
  image.height = static_cast<png_uint_32>(picture.height);
  image.format = picture.channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  std::string bytes;
  png_alloc_size_t count = 0;
  constexpr int kKeepSamples = 0;
  const auto write = [&](void* to) {
    return png_image_write_to_memory(&image, to, &count, kKeepSamples, picture.samples.data(), 0,
                                     nullptr) != 0;
  };
  // The first call only counts.
  bool written = write(nullptr);
  if (written) {
    bytes.resize(count);
    written = write(bytes.data());
  }
  if (!written) {
    throw MismatchError(fmt::format("picture of {} x {}: expected one that PNG can hold: {}",
                                    picture.width, picture.height,
                                    static_cast<const char*>(image.message)));
  }
  bytes.resize(count);
  return bytes;
}

}  // namespace weightlift
