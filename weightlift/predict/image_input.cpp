#include "weightlift/predict/image_input.h"

#include <fmt/format.h>

#include <span>
#include <string>
#include <system_error>

#include "weightlift/base/posix.h"
#include "weightlift/error.h"

namespace weightlift {

DecodedImage decode(const ImageInput& input, ColorMode mode, const DecodeLimits& limits) {
  if (!input.bytes) return load_image(input.file, mode, limits);
  return decode_image(std::as_bytes(std::span(*input.bytes)), mode, shown(input.file), limits);
}

ImageFiles images_at(const std::filesystem::path& image) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(image, ignored)) return {.files = {image}};
  ImageFiles found = find_images(image);
  if (found.files.empty()) {
    throw NotFoundError(shown(image),
                        fmt::format("no images in this folder, {} other {}", found.skipped,
                                    found.skipped == 1 ? "entry" : "entries"));
  }
  return found;
}

}  // namespace weightlift
