#include "weightlift/image/image.h"

#include <fmt/format.h>

#include <utility>

#include "weightlift/base/bytes.h"
#include "weightlift/base/message.h"

namespace weightlift {

void require_consistent(const Image& image) {
  const auto is_side = [](std::int64_t pixels) { return pixels >= 1 && pixels <= kLongestSide; };
  const bool sides = is_side(image.width) && is_side(image.height);
  const auto samples =
      sides ? checked_mul(image.width * image.height, image.channels) : std::nullopt;
  if ((image.channels == 1 || image.channels == 3) && samples &&
      std::cmp_equal(*samples, image.samples.size())) {
    return;
  }
  throw UsageError("image",
                   fmt::format("{} x {} pixels of {} channels do not have {} samples", image.width,
                               image.height, image.channels, image.samples.size()));
}

}  // namespace weightlift
