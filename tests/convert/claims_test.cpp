#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/notes.h"
#include "weightlift/convert/processor_choice.h"
#include "weightlift/models/registry.h"
#include "weightlift/models/timm_config.h"

namespace weightlift {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using testing::told;

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

/// The only note about a processor or its absence.
std::string note_of(const PretrainedClaims& claims, std::int64_t num_channels = 3) {
  const ProcessorChoice choice = processor_from_claims(claims, num_channels, false);
  EXPECT_EQ(choice.notes.size(), 1U);
  return choice.notes.empty() ? "" : told(choice.notes).front();
}

TEST(ClaimsTest, MakesAProcessor) {
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

TEST(ClaimsTest, UsesTestClaimsOnRequest) {
  const auto choice = processor_from_claims(claims_of("resnet50.tv2_in1k"), 3, true);
  EXPECT_EQ(choice.processor->shortest_edge, 224);
  EXPECT_EQ(choice.processor->crop_pct, Number{0.965});
}

TEST(ClaimsTest, UsesOtherClaimsWithoutTestClaims) {
  const auto choice = processor_from_claims(claims_of("resnet50.am_in1k"), 3, true);
  EXPECT_EQ(choice.processor->shortest_edge, 224);
  EXPECT_EQ(choice.processor->crop_pct, Number{0.875});
}

TEST(ClaimsTest, UsesTimmsDefaultsForMissingClaims) {
  const auto choice = processor_from_claims({}, 3, false);
  EXPECT_EQ(choice.processor->shortest_edge, 224);
  EXPECT_EQ(choice.processor->crop_pct, Number{0.875});
  EXPECT_EQ(choice.processor->resample, 3);
  EXPECT_EQ(choice.processor->image_mean.size(), 3U);
}

TEST(ClaimsTest, ReplacesACropOfZeroByTheDefault) {
  EXPECT_EQ(processor_from_claims(square(224, 0), 3, false).processor->crop_pct, Number{0.875});
}

TEST(ClaimsTest, UsesOneMeanForAllChannels) {
  PretrainedClaims claims = square(32, 1);
  claims.mean = {{0.5}};
  claims.std = {{0.25}};
  const auto color = processor_from_claims(claims, 3, false);
  EXPECT_THAT(color.processor->image_mean, ElementsAre(Number{0.5}, Number{0.5}, Number{0.5}));
  EXPECT_THAT(color.processor->image_std, ElementsAre(Number{0.25}, Number{0.25}, Number{0.25}));
  const auto gray = processor_from_claims(claims, 1, false);
  EXPECT_THAT(gray.processor->image_mean, ElementsAre(Number{0.5}));
}

TEST(ClaimsTest, MakesNoProcessorForOtherChannels) {
  for (const std::int64_t channels : {2, 4, 12}) {
    EXPECT_FALSE(processor_from_claims(square(32, 1), channels, false).processor);
    EXPECT_EQ(note_of(square(32, 1), channels),
              fmt::format("processor-channels channels='{}'", channels));
  }
}

TEST(ClaimsTest, MakesNoProcessorForUnsupportedClaims) {
  PretrainedClaims claims = square(32, 1);
  claims.input_size = {3, 32, 48};
  EXPECT_EQ(note_of(claims), "processor-not-square height='32' width='48'");
  claims = square(32, 1);
  claims.interpolation = "random\x1b[2J";
  EXPECT_EQ(note_of(claims), "processor-interpolation interpolation='random\\x1b[2J'");
  claims = square(32, 1);
  claims.mean = {{0.5}, {0.5}};
  EXPECT_EQ(note_of(claims), "processor-statistics mean='2' std='3' channels='3'");
  claims.mean = {};
  EXPECT_EQ(note_of(claims, 1), "processor-statistics mean='0' std='0' channels='1'");
}

TEST(PixelNotesTest, ReportsAnotherCrop) {
  EXPECT_EQ(note_of(claims_of("resnet50.a1_in1k")),
            "crop-offset crop='224' resized='235' transformers='5' timm='6'");
  EXPECT_EQ(note_of(claims_of("resnet50.a1h_in1k")),
            "crop-offset crop='176' resized='195' transformers='9' timm='10'");
}

TEST(PixelNotesTest, ReportsTheSameCropOfSquares) {
  EXPECT_EQ(note_of(claims_of("resnet50.tv_in1k")), "crop-offset-of-some");
}

TEST(PixelNotesTest, AgreesWithTheRealTransforms) {
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
    const char* expected = timm != torchvision ? "crop-offset crop="
                           : timm != pillow    ? "pad-offset pixels="
                                               : "crop-offset-of-some";
    EXPECT_THAT(note, StartsWith(expected)) << edge << " " << crop_pct;
    if (timm == torchvision) continue;
    EXPECT_THAT(note, HasSubstr(fmt::format(" transformers='{}' timm='{}'", torchvision, timm)));
  }
  EXPECT_EQ(settings, 19);
}

TEST(PixelNotesTest, CropsFrom384PixelsWithBit) {
  EXPECT_EQ(note_of(square(383, 1)), "crop-offset-of-some");
  EXPECT_EQ(note_of(square(384, 1)), "crop-offset-of-some");
  EXPECT_EQ(note_of(square(448, 0.95)),
            "crop-offset crop='448' resized='471' transformers='11' timm='12'");
  const ProcessorChoice choice = processor_from_claims(square(400, 0.9), 3, false);
  EXPECT_EQ(choice.processor->type, ProcessorClass::kBit);
  EXPECT_EQ(choice.processor->shortest_edge, 444);
  EXPECT_EQ(choice.processor->center_crop->height, 400);
  EXPECT_EQ(processor_from_claims(square(383, 1), 3, false).processor->type,
            ProcessorClass::kConvNext);
}

TEST(PixelNotesTest, SquashesFrom384PixelsWithConvNext) {
  PretrainedClaims claims = square(384, 1);
  claims.crop_mode = "squash";
  const ProcessorChoice choice = processor_from_claims(claims, 3, false);
  EXPECT_EQ(choice.processor->type, ProcessorClass::kConvNext);
  EXPECT_THAT(choice.notes, IsEmpty());
  claims.crop_pct = Number{0.9};
  EXPECT_EQ(note_of(claims), "crop-squashed edge='384'");
  claims.crop_mode = "border";
  EXPECT_EQ(note_of(claims), "crop-squashed edge='384'");
}

TEST(PixelNotesTest, KeepsConvNextForOneChannelAndAHostileCrop) {
  PretrainedClaims claims = square(384, 1);
  claims.mean = claims.std = {{0.5}};
  EXPECT_EQ(processor_from_claims(claims, 1, false).processor->type, ProcessorClass::kConvNext);
  EXPECT_EQ(note_of(square(384, 1e-3)), "crop-squashed edge='384'");
}

TEST(ClaimProcessorTest, FindsTheCropOfBitAgain) {
  for (const std::int64_t edge : {64, 224, 384, 448}) {
    for (const double crop_pct : {1.0, 0.95, 0.965, 0.9, 0.875, 0.7}) {
      ImageProcessor processor;
      processor.type = ProcessorClass::kBit;
      processor.shortest_edge = static_cast<std::int64_t>(static_cast<double>(edge) / crop_pct);
      processor.center_crop = {edge, edge};
      PretrainedClaims claims;
      ASSERT_TRUE(claim_processor(processor, 3, claims));
      EXPECT_EQ(claims.input_size, (std::vector<std::int64_t>{3, edge, edge}));
      EXPECT_EQ(claims.crop_mode, "center");
      EXPECT_EQ(static_cast<std::int64_t>(static_cast<double>(edge) / claims.crop_pct->value),
                processor.shortest_edge)
          << edge << " " << crop_pct;
    }
  }
}

TEST(ClaimProcessorTest, RefusesBitWithoutASquareCrop) {
  ImageProcessor processor{.type = ProcessorClass::kBit};
  PretrainedClaims claims;
  EXPECT_FALSE(claim_processor(processor, 3, claims));
  processor.center_crop = {64, 32};
  EXPECT_FALSE(claim_processor(processor, 3, claims));
}

TEST(PixelNotesTest, ReportsOtherCropModes) {
  for (const char* mode : {"squash", "border"}) {
    PretrainedClaims claims = square(224, 0.9);
    claims.crop_mode = mode;
    EXPECT_EQ(note_of(claims), fmt::format("crop-mode-unsupported mode='{}'", mode));
  }
}

TEST(PixelNotesTest, AcceptsAHostileCrop) {
  EXPECT_EQ(note_of(square(224, 1e-300)), "crop-offset-of-some");
}

}  // namespace
}  // namespace weightlift
