#include "weightlift/image/color.h"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace weightlift {

namespace {

constexpr std::size_t kRgb = 3;
constexpr std::size_t kCmyk = 4;

/// a * b / 255, rounded: libImaging's MULDIV255.
int multiply_divide_255(int a, int b) {
  const int product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

}  // namespace

Image to_rgb(Image image) {
  if (image.channels == static_cast<std::int64_t>(kRgb)) return image;
  std::vector<std::uint8_t> rgb(image.samples.size() * kRgb);
  for (std::size_t i = 0; i < image.samples.size(); ++i) {
    std::fill_n(&rgb[i * kRgb], kRgb, image.samples[i]);
  }
  image.samples = std::move(rgb);
  image.channels = kRgb;
  return image;
}

Image to_luminance(Image image) {
  if (image.channels == 1) return image;
  constexpr std::uint32_t kRed = 19595, kGreen = 38470, kBlue = 7471, kHalf = 0x8000;
  const std::size_t pixels = image.samples.size() / kRgb;
  for (std::size_t i = 0; i < pixels; ++i) {
    const std::uint8_t* in = &image.samples[i * kRgb];
    image.samples[i] =
        static_cast<std::uint8_t>((in[0] * kRed + in[1] * kGreen + in[2] * kBlue + kHalf) >> 16U);
  }
  image.samples.resize(pixels);
  image.channels = 1;
  return image;
}

void inverted_cmyk_to_rgb(std::span<const std::uint8_t> inverted, std::span<std::uint8_t> rgb) {
  for (std::size_t pixel = 0; pixel < rgb.size() / kRgb; ++pixel) {
    const std::uint8_t* in = &inverted[pixel * kCmyk];
    const int white = in[3];
    for (std::size_t i = 0; i < kRgb; ++i) {
      const int value = white - multiply_divide_255(255 - in[i], white);
      rgb[pixel * kRgb + i] = static_cast<std::uint8_t>(std::clamp(value, 0, 255));
    }
  }
}

}  // namespace weightlift
