#include "weightlift/predict/image_input.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>
#include <system_error>

#include "weightlift/base/cgroup.h"
#include "weightlift/base/posix.h"
#include "weightlift/base/threads.h"
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

int threads_for(std::size_t images, int wanted, Notes& refused) {
  const auto most = static_cast<std::size_t>(wanted > 0 ? wanted : available_processors());
  return usable_threads(static_cast<int>(std::clamp<std::size_t>(images, 1, most)), 1, refused);
}

}  // namespace weightlift
