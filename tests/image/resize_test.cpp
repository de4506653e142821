#include "weightlift/image/resize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <utility>

#include "tests/image/images.h"
#include "tests/support/refusal.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint/crc32.h"

namespace weightlift {
namespace {

using ::testing::HasSubstr;
using testing::make_image;
using testing::refusal;

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

TEST(ResizeTest, RefusesPartsOutsideTheImage) {
  const Image image = make_image(8, 6, 3);
  const auto refusal_of = [&](const Box& part) {
    return refusal<UsageError>([&] { resize(image, 4, 3, Resample::kBilinear, part); });
  };
  EXPECT_EQ(refusal_of({0, 0, 4, 3}), "accepted");
  EXPECT_EQ(refusal_of({1, 0, 4, 3}), "part: expected pixels within 0 to 4, got 4 from 1 on");
  for (const Box& part : {Box{-1, 0, 2, 2}, Box{0, 2, 4, 2}, Box{0, 0, 0, 3}, Box{0, 0, 4, -1},
                          Box{0, INT64_MAX, 1, INT64_MAX}}) {
    EXPECT_THAT(refusal_of(part), HasSubstr("part: expected pixels within"));
  }
  EXPECT_THAT(refusal<UsageError>([&] { resize(image, 0, 3, Resample::kBox); }),
              HasSubstr("part: expected"));
  EXPECT_THAT(refusal<UsageError>([&] { resize(image, 4, 3, static_cast<Resample>(6)); }),
              HasSubstr("filter"));
}

TEST(ResizeTest, RefusesImagesWithoutAllTheirSamples) {
  Image image = make_image(8, 6, 3);
  image.samples.pop_back();
  EXPECT_EQ(refusal<UsageError>([&] { resize(image, 4, 3, Resample::kBox); }),
            "image: 8 x 6 pixels of 3 channels do not have 143 samples");
  for (const Image& odd : {Image{}, Image{2, 2, 2, {1, 2, 3, 4, 5, 6, 7, 8}}, Image{-1, -1, 1, {1}},
                           Image{INT64_MAX, INT64_MAX, 3, {}}}) {
    EXPECT_THAT(refusal<UsageError>([&] { require_consistent(odd); }), HasSubstr("do not have"));
  }
}

}  // namespace
}  // namespace weightlift
