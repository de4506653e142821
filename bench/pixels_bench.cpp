// Times each step from an image file to pixel values; bench/pixels.py compares them with Pillow's.
//   WEIGHTLIFT_BENCH_IMAGE=FILE pixels_bench

#include <benchmark/benchmark.h>

#include <cstdlib>

#include "weightlift/base/file.h"
#include "weightlift/image/decode.h"
#include "weightlift/image/preprocess.h"
#include "weightlift/image/resize.h"

namespace weightlift {
namespace {

const MappedFile& image_file() {
  static const auto file = MappedFile::open(std::getenv("WEIGHTLIFT_BENCH_IMAGE"));
  return *file;
}

Image decode() { return decode_image(image_file().bytes(), ColorMode::kRGB, "image").image; }

void decode_rgb(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(decode());
}

/// The short side becomes 235, as for most of timm's ResNets at 224 / 0.95.
void resize_whole(benchmark::State& state) {
  const Image image = decode();
  const auto filter = static_cast<Resample>(state.range(0));
  const std::int64_t width = 235 * image.width / image.height;
  for (auto _ : state) benchmark::DoNotOptimize(resize(image, width, 235, filter));
}

/// The same, cropped to 224.
void resize_and_crop(benchmark::State& state) {
  const Image image = decode();
  const ImageProcessor processor{.crop_pct = {0.95}, .resample = state.range(0)};
  for (auto _ : state) benchmark::DoNotOptimize(crop_seen(image, processor));
}

void file_to_pixel_values(benchmark::State& state) {
  const ImageProcessor processor{.crop_pct = {0.95}};
  for (auto _ : state) benchmark::DoNotOptimize(preprocess(decode(), processor));
}

BENCHMARK(decode_rgb)->Unit(benchmark::kMillisecond);
BENCHMARK(resize_whole)->DenseRange(0, 5)->Unit(benchmark::kMillisecond);
BENCHMARK(resize_and_crop)->DenseRange(0, 5)->Unit(benchmark::kMillisecond);
BENCHMARK(file_to_pixel_values)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace weightlift
