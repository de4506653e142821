#include "weightlift/image/encode_png.h"

#include <fmt/format.h>
#include <png.h>

#include "weightlift/base/message.h"

namespace weightlift {

std::string encode_png(const Image& image) {
  require_consistent(image);
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(image.width);
  png.height = static_cast<png_uint_32>(image.height);
  png.format = image.channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  std::string bytes;
  png_alloc_size_t count = 0;
  constexpr int kKeepSamples = 0;
  const auto write = [&](void* to) {
    return png_image_write_to_memory(&png, to, &count, kKeepSamples, image.samples.data(), 0,
                                     nullptr) != 0;
  };
  // The first call only counts.
  bool written = write(nullptr);
  if (written) {
    bytes.resize(count);
    written = write(bytes.data());
  }
  if (!written) {
    throw UnsupportedError(fmt::format("cannot write an image of {} x {} pixels as PNG: {}",
                                       image.width, image.height,
                                       static_cast<const char*>(png.message)));
  }
  bytes.resize(count);
  return bytes;
}

}  // namespace weightlift
