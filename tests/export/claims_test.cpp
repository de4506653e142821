#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "weightlift/export/model_folder.h"

namespace weightlift {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

PretrainedClaims claims_of(std::string_view name) {
  return timm_config_of(*find_pretrained(name)).pretrained_cfg;
}

PretrainedClaims square(std::int64_t edge, double crop_pct) {
  PretrainedClaims claims;
  claims.input_size = {3, edge, edge};
  claims.crop_pct = Number{crop_pct};
  claims.interpolation = "bicubic";
  return claims;
}

/// The one sentence about a processor or its absence.
std::string note_of(const PretrainedClaims& claims, std::int64_t num_channels = 3) {
  const ProcessorChoice choice = processor_from_claims(claims, num_channels, false);
  EXPECT_EQ(choice.notes.size(), 1U);
  return choice.notes.empty() ? "" : choice.notes.front();
}

TEST(ClaimsTest, BecomeAProcessor) {
  const auto choice = processor_from_claims(claims_of("resnet50.tv2_in1k"), 3, false);
  ASSERT_TRUE(choice.processor);
  EXPECT_EQ(choice.processor->shortest_edge, 176);
  EXPECT_EQ(choice.processor->crop_pct, Number{0.875});
  EXPECT_EQ(choice.processor->resample, 2);
  EXPECT_THAT(choice.processor->image_mean,
              ElementsAre(Number{0.485}, Number{0.456}, Number{0.406}));
  EXPECT_THAT(choice.processor->image_std,
              ElementsAre(Number{0.229}, Number{0.224}, Number{0.225}));
}

TEST(ClaimsTest, OfTheTestAreTakenWhenAsked) {
  const auto choice = processor_from_claims(claims_of("resnet50.tv2_in1k"), 3, true);
  EXPECT_EQ(choice.processor->shortest_edge, 224);
  EXPECT_EQ(choice.processor->crop_pct, Number{0.965});
}

TEST(ClaimsTest, WithoutATestAreTakenAsTheyAre) {
  const auto choice = processor_from_claims(claims_of("resnet50.am_in1k"), 3, true);
  EXPECT_EQ(choice.processor->shortest_edge, 224);
  EXPECT_EQ(choice.processor->crop_pct, Number{0.875});
}

TEST(ClaimsTest, LeftOutAreTimmsDefaults) {
  const auto choice = processor_from_claims({}, 3, false);
  EXPECT_EQ(choice.processor->shortest_edge, 224);
  EXPECT_EQ(choice.processor->crop_pct, Number{0.875});
  EXPECT_EQ(choice.processor->resample, 3);
  EXPECT_EQ(choice.processor->image_mean.size(), 3U);
}

TEST(ClaimsTest, ACropOfZeroIsTheDefault) {
  EXPECT_EQ(processor_from_claims(square(224, 0), 3, false).processor->crop_pct, Number{0.875});
}

TEST(ClaimsTest, OneMeanIsForAllChannels) {
  PretrainedClaims claims = square(32, 1);
  claims.mean = {{0.5}};
  claims.std = {{0.25}};
  const auto colour = processor_from_claims(claims, 3, false);
  EXPECT_THAT(colour.processor->image_mean, ElementsAre(Number{0.5}, Number{0.5}, Number{0.5}));
  EXPECT_THAT(colour.processor->image_std, ElementsAre(Number{0.25}, Number{0.25}, Number{0.25}));
  const auto grey = processor_from_claims(claims, 1, false);
  EXPECT_THAT(grey.processor->image_mean, ElementsAre(Number{0.5}));
}

TEST(ClaimsTest, OfAnotherNumberOfChannelsMakeNoProcessor) {
  for (const std::int64_t channels : {2, 4, 12}) {
    EXPECT_FALSE(processor_from_claims(square(32, 1), channels, false).processor);
    EXPECT_EQ(note_of(square(32, 1), channels),
              fmt::format("no image processor: pictures have one or three channels, this network "
                          "takes {}",
                          channels));
  }
}

TEST(ClaimsTest, ThatCannotBeSaidMakeNoProcessor) {
  PretrainedClaims claims = square(32, 1);
  claims.input_size = {3, 32, 48};
  EXPECT_EQ(note_of(claims),
            "no image processor: ConvNextImageProcessor makes squares, timm states 32x48");
  claims = square(32, 1);
  claims.interpolation = "random\x1b[2J";
  EXPECT_EQ(note_of(claims),
            "no image processor: interpolation 'random\\x1b[2J' has no counterpart in Pillow");
  claims = square(32, 1);
  claims.mean = {{0.5}, {0.5}};
  EXPECT_EQ(note_of(claims),
            "no image processor: expected a mean and std of 3 values, got 2 and 3");
  claims.mean = {};
  EXPECT_EQ(note_of(claims, 1),
            "no image processor: expected a mean and std of 1 values, got 0 and 0");
}

TEST(PixelNotesTest, TellHowTheCropDiffers) {
  EXPECT_EQ(note_of(claims_of("resnet50.a1_in1k")),
            "pixels differ from timm's: transformers begins the crop of 224 out of 235 at pixel 5, "
            "timm at 6");
  EXPECT_THAT(note_of(claims_of("resnet50.a1h_in1k")),
              HasSubstr("the crop of 176 out of 195 at pixel 9, timm at 10"));
}

TEST(PixelNotesTest, TellWhereTheCropIsTheSame) {
  EXPECT_THAT(note_of(claims_of("resnet50.tv_in1k")),
              StartsWith("square pictures are cropped as by timm"));
}

TEST(PixelNotesTest, AreWhatTheRealTransformsDo) {
  std::ifstream in(WEIGHTLIFT_TEST_DATA "/crops.txt");
  std::int64_t edge = 0;
  std::int64_t timm = 0;
  std::int64_t torchvision = 0;
  std::int64_t pillow = 0;
  double crop_pct = 0;
  int settings = 0;
  while (in >> edge >> crop_pct >> timm >> torchvision >> pillow) {
    ++settings;
    const std::string note = note_of(square(edge, crop_pct));
    const char* expected =
        timm != torchvision
            ? "pixels differ from timm's: transformers begins the crop"
            : (timm != pillow ? "pixels differ from timm's with transformers' Pillow back end"
                              : "square pictures are cropped as by timm");
    EXPECT_THAT(note, StartsWith(expected)) << edge << " " << crop_pct;
    if (timm == torchvision) continue;
    EXPECT_THAT(note, HasSubstr(fmt::format("at pixel {}, timm at {}", torchvision, timm)));
  }
  EXPECT_EQ(settings, 19);
}

TEST(PixelNotesTest, TellOfSquaresFrom384On) {
  EXPECT_EQ(
      note_of(square(384, 1)),
      "pixels differ from timm's: at 384 and above ConvNextImageProcessor resizes to a square "
      "and ignores crop_pct");
  EXPECT_THAT(note_of(square(383, 1)), StartsWith("square pictures"));
}

TEST(PixelNotesTest, TellOfOtherCropModes) {
  for (const char* mode : {"squash", "border"}) {
    PretrainedClaims claims = square(224, 0.9);
    claims.crop_mode = mode;
    EXPECT_EQ(note_of(claims), fmt::format("pixels differ from timm's: crop_mode '{}' cannot be "
                                           "said, the centre is cropped",
                                           mode));
  }
}

TEST(PixelNotesTest, SurviveAHostileCrop) {
  EXPECT_THAT(note_of(square(224, 1e-300)), StartsWith("square pictures"));
}

}  // namespace
}  // namespace weightlift
