// Stands for the decoders and the encoder that need libjpeg, libpng or libwebp, in a build without
// these.

#include <fmt/format.h>

#include "weightlift/error.h"
#include "weightlift/image/decoders.h"
#include "weightlift/image/encode_png.h"

namespace weightlift {

namespace {

[[noreturn]] void refuse_without_decoder(const ImageFile& file, std::string_view format) {
  refuse_unsupported(file, fmt::format("this build of weightlift cannot decode {}", format),
                     "convert it to PPM or BMP first");
}

}  // namespace

StoredImage decode_jpeg(const ImageFile& file) { refuse_without_decoder(file, "JPEG"); }

StoredImage decode_png(const ImageFile& file) { refuse_without_decoder(file, "PNG"); }

StoredImage decode_webp(const ImageFile& file) { refuse_without_decoder(file, "WebP"); }

std::string encode_png(const Image& /*image*/) {
  throw UnsupportedError("this build of weightlift cannot encode PNG");
}

}  // namespace weightlift
