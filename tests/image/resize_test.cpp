#include "weightlift/image/resize.h"

#include <gtest/gtest.h>

#include <fstream>
#include <utility>

#include "tests/image/images.h"
#include "weightlift/checkpoint/crc32.h"

namespace weightlift {
namespace {

using testing::make_image;

constexpr int kFilters = 6;

TEST(ResizeTest, MatchesPillow) {
  std::ifstream in(WEIGHTLIFT_TEST_DATA "/pixels/resized.txt");
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::int64_t channels = 0;
  std::int64_t new_width = 0;
  std::int64_t new_height = 0;
  int filter = 0;
  std::uint32_t expected = 0;
  int count = 0;
  while (in >> width >> height >> channels >> new_width >> new_height >> filter >> expected) {
    ++count;
    const Image resized = resize(make_image(width, height, channels), new_width, new_height,
                                 static_cast<Resample>(filter));
    EXPECT_EQ(resized.width, new_width);
    EXPECT_EQ(resized.height, new_height);
    EXPECT_EQ(crc32(std::as_bytes(std::span(resized.samples))), expected)
        << width << "x" << height << "x" << channels << " to " << new_width << "x" << new_height
        << " by filter " << filter;
  }
  EXPECT_EQ(count, 180);
}

Image cut(const Image& image, const Box& box) {
  Image part{box.width, box.height, image.channels, {}};
  for (std::int64_t y = box.top; y < box.top + box.height; ++y) {
    const auto* row = image.samples.data() + (y * image.width + box.left) * image.channels;
    part.samples.insert(part.samples.end(), row, row + box.width * image.channels);
  }
  return part;
}

/// Both orders of passes, one pass alone and none; in the middle and at the corners.
TEST(ResizeTest, APartEqualsThatPartOfTheWhole) {
  const Image image = make_image(41, 83, 3);
  for (const auto& [width, height] : std::initializer_list<std::pair<int, int>>{
           {30, 60}, {30, 40}, {41, 60}, {30, 83}, {41, 83}, {90, 100}}) {
    for (int filter = 0; filter < kFilters; ++filter) {
      const auto resample = static_cast<Resample>(filter);
      const Image whole = resize(image, width, height, resample);
      for (const Box& box :
           {Box{0, 0, 1, 1}, Box{width - 7, height - 5, 7, 5}, Box{9, 11, 14, 17}}) {
        EXPECT_EQ(resize(image, width, height, resample, box), cut(whole, box))
            << width << "x" << height << " by filter " << filter << " from " << box.left;
      }
    }
  }
}

TEST(ResizeTest, ComputesOnlyThePart) {
  const Image sliver = make_image(1, 20'000, 3);
  const Image middle =
      resize(sliver, 256, 5'120'000, Resample::kBicubic, {16, 2'559'888, 224, 224});
  EXPECT_EQ(middle.samples.size(), 224U * 224 * 3);
}

}  // namespace
}  // namespace weightlift
