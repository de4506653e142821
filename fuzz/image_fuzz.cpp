// Any bytes are refused by a FormatError or UnsupportedError, or give an image within the limit
// that has all of its samples, and the luminance of the image in color.
#include <cstdint>

#include "fuzz/round_trip.h"
#include "weightlift/base/message.h"
#include "weightlift/image/decode.h"

namespace {

using namespace weightlift;
using fuzzing::require;

constexpr DecodeLimits kFewPixels{.max_pixels = 1 << 16};

std::uint8_t luminance(const std::uint8_t* rgb) {
  return static_cast<std::uint8_t>((rgb[0] * 19595U + rgb[1] * 38470U + rgb[2] * 7471U + 0x8000U) >>
                                   16U);
}

void check(std::span<const std::byte> bytes) {
  const Image color = decode_image(bytes, ColorMode::kRGB, "input", kFewPixels).image;
  require(color.width > 0 && color.height > 0 && color.channels == 3);
  require(color.width * color.height <= kFewPixels.max_pixels);
  require(color.samples.size() == static_cast<std::size_t>(color.width * color.height * 3));
  const Image gray = decode_image(bytes, ColorMode::kL, "input", kFewPixels).image;
  require(gray.width == color.width && gray.height == color.height && gray.channels == 1);
  require(gray.samples.size() == color.samples.size() / 3);
  for (std::size_t i = 0; i < gray.samples.size(); ++i) {
    require(gray.samples[i] == luminance(&color.samples[3 * i]));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    check(std::as_bytes(std::span(data, size)));
  } catch (const FormatError&) {
    return 0;
  } catch (const UnsupportedError&) {
    return 0;
  }
  return 0;
}
