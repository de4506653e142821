#include "weightlift/image/preprocess.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

#include "tests/image/images.h"
#include "tests/support/refusal.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint/crc32.h"

namespace weightlift {
namespace {

using ::testing::HasSubstr;
using testing::make_image;
using testing::refusal;

TEST(PreprocessTest, MatchesTransformersAndTimm) {
  std::ifstream in(WEIGHTLIFT_TEST_DATA "/pixels/prepared.txt");
  int count = 0;
  for (std::string line; std::getline(in, line); ++count) {
    std::istringstream words(line);
    std::string who;
    std::int64_t width = 0;
    std::int64_t height = 0;
    std::int64_t channels = 0;
    Shape shape = {1, 0, 0, 0};
    std::uint32_t expected = 0;
    words >> who >> width >> height >> channels >> shape[3] >> shape[2] >> expected;
    shape[1] = channels;
    const std::string json(std::istreambuf_iterator<char>(words), {});
    const Tensor values =
        preprocess(make_image(width, height, channels), parse_image_processor(json, "p.json"),
                   who == "timm" ? Preparation::kTimm : Preparation::kTransformers);
    EXPECT_EQ(values.shape(), shape) << line;
    EXPECT_EQ(crc32(values.bytes()), expected) << line;
  }
  EXPECT_EQ(count, 37);
}

TEST(PreprocessTest, TimmPadsASingleRowAtTheEnd) {
  const ImageProcessor processor{.shortest_edge = 40, .crop_pct = Number{1.02}};  // resized to 39
  const Image seen = crop_seen(make_image(57, 8, 3), processor, Preparation::kTimm);
  ASSERT_EQ(seen.height, 40);
  const auto row = static_cast<std::ptrdiff_t>(seen.width * seen.channels);
  EXPECT_EQ(std::count(seen.samples.end() - row, seen.samples.end(), 0), row);
  EXPECT_NE(std::count(seen.samples.end() - 2 * row, seen.samples.end() - row, 0), row);
}

TEST(PreprocessTest, ConcatenatesImages) {
  const ImageProcessor processor{.shortest_edge = 8};
  const std::vector<Image> crops = {crop_seen(make_image(30, 20, 3), processor),
                                    crop_seen(make_image(9, 17, 3), processor)};
  const Tensor both = to_pixel_values(crops, processor);
  EXPECT_EQ(both.shape(), (Shape{2, 3, 8, 8}));
  const Tensor second = preprocess(make_image(9, 17, 3), processor);
  const auto tail = both.bytes().subspan(second.bytes().size());
  EXPECT_TRUE(std::ranges::equal(tail, second.bytes()));
}

TEST(PreprocessTest, RefusesImagesOfTwoSizes) {
  const std::vector<Image> crops = {make_image(3, 4, 3), make_image(4, 3, 3)};
  EXPECT_EQ(refusal<MismatchError>([&] { to_pixel_values(crops, {}); }),
            "the image sizes differ: 3 x 4 and 4 x 3; advice(set do_resize to true)");
  EXPECT_EQ(refusal<MismatchError>([&] { to_pixel_values({}, {}); }),
            "expected at least one image, got none");
}

TEST(PreprocessTest, RefusesStatisticsOfOtherNumbersOfChannels) {
  EXPECT_EQ(refusal<MismatchError>([] { preprocess(make_image(8, 8, 1), {}); }),
            "image_mean: expected 1 value, one per channel of the image, got 3");
  EXPECT_EQ(refusal<MismatchError>([] {
              preprocess(make_image(8, 8, 3), {.image_std = {{1.0}, {1.0}}});
            }),
            "image_std: expected 3 values, one per channel of the image, got 2");
}

TEST(PreprocessTest, RefusesImpossibleSizes) {
  EXPECT_EQ(refusal<MismatchError>([] { preprocess(make_image(8, 16, 3), {.crop_pct = {225}}); }),
            "crop_pct: expected resized sides of 1 to 2147483647 pixels, got 0 x 0");
  EXPECT_EQ(
      refusal<MismatchError>([] { preprocess(make_image(8, 16, 3), {.crop_pct = {1e-7}}); }),
      "crop_pct: expected resized sides of 1 to 2147483647 pixels, got 2240000000 x 4480000000");
  EXPECT_THAT(
      refusal<MismatchError>([] { preprocess(make_image(8, 16, 3), {.crop_pct = {5e-324}}); }),
      HasSubstr("got inf x inf"));
}

/// A line has edge, crop_pct, and the offsets of timm, the torchvision and the Pillow back end.
TEST(CropOffsetTest, MatchesTheRealTransforms) {
  std::ifstream in(WEIGHTLIFT_TEST_DATA "/crops.txt");
  std::int64_t edge = 0;
  std::int64_t timm = 0;
  std::int64_t torchvision = 0;
  std::int64_t pillow = 0;
  double crop_pct = 0;
  int count = 0;
  while (in >> edge >> crop_pct >> timm >> torchvision >> pillow) {
    ++count;
    const auto size = static_cast<std::int64_t>(static_cast<double>(edge) / crop_pct);
    EXPECT_EQ(crop_offset(size, edge, Preparation::kTimm), timm) << edge << " " << crop_pct;
    EXPECT_EQ(crop_offset(size, edge, Preparation::kTransformers), pillow)
        << edge << " " << crop_pct;
  }
  EXPECT_EQ(count, 19);
}

TEST(PreprocessTest, RefusesSettingsAndImagesOfNoFile) {
  ImageProcessor processor;
  processor.center_crop = ImageProcessor::CenterCrop{.height = 0, .width = 4};
  EXPECT_THAT(refusal<UsageError>([&] { preprocess(make_image(8, 8, 3), processor); }),
              HasSubstr("image processor: expected sides of 1 to 8192 pixels, got 0"));
  processor = {.shortest_edge = -1};
  EXPECT_THAT(refusal<UsageError>([&] { preprocess(make_image(8, 8, 3), processor); }),
              HasSubstr("got -1"));
  processor = {};
  processor.resample = 6;
  EXPECT_THAT(refusal<UsageError>([&] { preprocess(make_image(8, 8, 3), processor); }),
              HasSubstr("resample: expected one of Pillow's filters, got 6"));
  EXPECT_THAT(refusal<UsageError>([] { interpolation_of(-1); }),
              HasSubstr("expected one of Pillow's filters, got -1"));
  Image image = make_image(8, 8, 3);
  image.samples.resize(4000);  // more than its sides say
  const std::vector<Image> images = {make_image(8, 8, 3), image};
  EXPECT_THAT(refusal<UsageError>([&] { to_pixel_values(images, {}); }), HasSubstr("image: 8 x 8"));
}

}  // namespace
}  // namespace weightlift
