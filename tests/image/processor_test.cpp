#include "weightlift/image/processor.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "weightlift/base/message.h"

namespace weightlift {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::read_file;
using testing::refusal;

std::string golden(const std::string& name) {
  return read_file(fmt::format("{}/processors/{}.json", WEIGHTLIFT_TEST_DATA, name));
}

ImageProcessor parse(const std::string& text) { return parse_image_processor(text, "p.json"); }

std::string malformation_of(const std::string& text) {
  return refusal<FormatError>([&] { parse(text); });
}

/// Returns the message that refuses a processor of size 64 with these additional members.
std::string malformation_with(const std::string& members) {
  return malformation_of(fmt::format(
      R"({{"image_processor_type": "ConvNextImageProcessor", "size": {{"shortest_edge": 64}}, {}}})",
      members));
}

/// Expects the golden text from writing the processor, and from reading and writing that text.
void expect_golden(const std::string& name, const ImageProcessor& processor) {
  EXPECT_EQ(to_preprocessor_json(processor), golden(name)) << name;
  EXPECT_EQ(to_preprocessor_json(parse(golden(name))), golden(name)) << name;
}

TEST(ImageProcessorTest, WritesTheBytesOfTransformers) {
  expect_golden("default_tag", {.crop_pct = {0.95}});
  expect_golden("one_channel", {.shortest_edge = 28,
                                .crop_pct = {1.0},
                                .resample = 2,
                                .image_mean = {{0.449}},
                                .image_std = {{0.226}}});
}

TEST(ImageProcessorTest, KeepsIntegersAsIntegers) {
  expect_golden("numbers", {.shortest_edge = 96,
                            .crop_pct = {1, true},
                            .resample = 0,
                            .image_mean = {{0, true}, {1, true}, {1e-05}},
                            .image_std = {{1.0 / 3}, {123456.0}, {1, true}}});
}

TEST(ImageProcessorTest, DefaultsEqualThePublishedFile) {
  EXPECT_EQ(to_preprocessor_json({}), golden("published_2022.out"));
}

TEST(ImageProcessorTest, ReadsTheFormsOfOlderVersions) {
  for (const char* name :
       {"published_2022", "version_4_26", "version_4_38", "pillow", "class_defaults", "center_crop",
        "bit", "bit_defaults", "bit_without_crop"}) {
    EXPECT_EQ(to_preprocessor_json(parse(golden(fmt::format("{}.in", name)))),
              golden(fmt::format("{}.out", name)))
        << name;
  }
}

TEST(ImageProcessorTest, ReadsTheFastFormOfVersion4) {
  const ImageProcessor processor = parse(R"({"crop_pct": 0.95, "crop_size": null,
      "data_format": "channels_first", "default_to_square": false, "device": null,
      "do_normalize": false, "do_rescale": true, "do_resize": true, "image_mean": [0.5],
      "image_processor_type": "ConvNextImageProcessorFast", "image_std": [0.25], "resample": 2,
      "rescale_factor": 0.5, "size": {"shortest_edge": 288}})");
  EXPECT_EQ(processor.shortest_edge, 288);
  EXPECT_EQ(processor.crop_pct.value, 0.95);
  EXPECT_EQ(processor.resample, 2);
  EXPECT_THAT(processor.image_mean, ElementsAre(Number{0.5}));
  EXPECT_THAT(processor.image_std, ElementsAre(Number{0.25}));
  EXPECT_FALSE(processor.do_normalize);
  EXPECT_EQ(processor.rescale_factor.value, 0.5);
}

TEST(ImageProcessorTest, ReadsTheHybridFormOfVersion4) {
  const ImageProcessor processor = parse(R"({"crop_pct": 0.875, "do_normalize": true,
      "do_rescale": true, "do_resize": true, "feature_extractor_type": "ConvNextFeatureExtractor",
      "image_mean": [0.485, 0.456, 0.406], "image_processor_type": "ConvNextFeatureExtractor",
      "image_std": [0.229, 0.224, 0.225], "resample": 3, "rescale_factor": 0.00392156862745098,
      "size": {"shortest_edge": 224}})");
  EXPECT_EQ(to_preprocessor_json(processor), golden("published_2022.out"));
}

TEST(ImageProcessorTest, ReadsOneValueForAllChannels) {
  const ImageProcessor processor = parse(R"({"size": 8, "image_mean": 0.5, "image_std": [0.25]})");
  EXPECT_THAT(processor.image_mean, ElementsAre(Number{0.5}));
  EXPECT_THAT(processor.image_std, ElementsAre(Number{0.25}));
}

TEST(ImageProcessorTest, MissingSettingsHaveTheDefaultsOfTheClass) {
  const ImageProcessor processor = parse(R"({"image_processor_type": "ConvNextImageProcessor"})");
  EXPECT_EQ(processor.shortest_edge, 384);
  EXPECT_EQ(processor.crop_pct.value, 0.875);
  EXPECT_EQ(processor.resample, 3);
}

TEST(ImageProcessorTest, NullIsFalseOrAMissingValue) {
  const ImageProcessor processor = parse(
      R"({"size": 8, "do_resize": null, "do_rescale": null, "do_normalize": null,
          "do_center_crop": null, "crop_pct": null, "resample": null, "image_mean": null,
          "rescale_factor": null})");
  EXPECT_FALSE(processor.do_resize || processor.do_rescale || processor.do_normalize ||
               processor.center_crop);
  EXPECT_EQ(parse(R"({"size": 384, "crop_pct": null})").shortest_edge, 384);
  for (const char* key : {"crop_pct", "resample", "image_mean", "image_std", "rescale_factor"}) {
    EXPECT_THAT(malformation_with(fmt::format(R"("size": 8, "{}": null)", key)),
                HasSubstr(fmt::format("{}: expected a value for an enabled step, got null", key)));
  }
}

TEST(ImageProcessorTest, WritesBitAsTransformers) {
  const ImageProcessor processor{
      .type = ProcessorClass::kBit, .shortest_edge = 426, .center_crop = {{384, 384}}};
  EXPECT_EQ(to_preprocessor_json(processor), golden("bit.out"));
  EXPECT_EQ(image_size(processor).height, 384);
}

TEST(ImageProcessorTest, RefusesWhatResizesBitToASizeOrALimit) {
  const auto refused = [](const std::string& members) {
    return malformation_of(
        fmt::format(R"({{"image_processor_type": "BitImageProcessor", {}}})", members));
  };
  EXPECT_THAT(refused(R"("size": {"height": 8, "width": 8})"),
              HasSubstr("size: expected a number or an object with shortest_edge, got {"));
  EXPECT_THAT(refused(R"("size": {"shortest_edge": 8, "longest_edge": 9})"),
              HasSubstr("size: expected shortest_edge without longest_edge, got {"));
  EXPECT_THAT(refused(R"("do_pad": true)"), HasSubstr("do_pad: expected false, got true"));
  EXPECT_THAT(refused(R"("default_to_square": true)"), HasSubstr("expected false, got true"));
  EXPECT_THAT(refused(R"("crop_size": {"height": 8})"),
              HasSubstr("crop_size: expected a number, or height and width, got {"));
}

TEST(ImageProcessorTest, RefusesOtherClasses) {
  EXPECT_EQ(refusal<UnsupportedError>(
                [] { parse(R"({"image_processor_type": "ViTImageProcessor", "size": 224})"); }),
            "p.json: unsupported image processor 'ViTImageProcessor', expected a "
            "ConvNextImageProcessor or BitImageProcessor");
  EXPECT_THAT(refusal<UnsupportedError>([] {
                parse(R"({"feature_extractor_type": "BeitFeatureExtractor", "size": 224})");
              }),
              HasSubstr("unsupported image processor 'BeitFeatureExtractor'"));
}

TEST(ImageProcessorTest, RefusesImpossibleSettings) {
  struct Case {
    const char* members;
    const char* message;
  };
  for (const auto& [members, message] : std::initializer_list<Case>{
           {R"("size": 0)", "size: expected 1 to 8192 pixels, got 0"},
           {R"("size": {"shortest_edge": 8193})",
            "shortest_edge: expected 1 to 8192 pixels, got 8193"},
           {R"("size": {"height": 8, "width": 8})",
            "size: expected a number or an object with shortest_edge, got "
            R"({"height": 8, "width": 8})"},
           {R"("do_center_crop": true)", "'crop_size' is missing"},
           {R"("do_center_crop": true, "crop_size": {"shortest_edge": 8})",
            "crop_size: expected a number, or height and width, got {"},
           {R"("do_center_crop": true, "crop_size": {"height": 8, "width": 0})",
            "width: expected 1 to 8192 pixels, got 0"},
           {R"("size": "224")", "size: expected an integer from 0 to 10^9, got \"224\""},
           {R"("crop_pct": 0)", "crop_pct: expected a positive number, got 0"},
           {R"("crop_pct": 18446744073709551615)", "crop_pct: expected a number below 2^53"},
           {R"("image_mean": [9007199254740993, 0, 0])", "image_mean: expected a number below"},
           {R"("image_std": [0.5, 0, 0.5])", "image_std: expected positive numbers"},
           {R"("crop_pct": "0.9")", "crop_pct: expected a number, got \"0.9\""},
           {R"("resample": 6)", "resample: expected a Pillow filter number from 0 to 5, got 6"},
           {R"("resample": 17)", "resample: expected a Pillow filter number from 0 to 5, got 17"},
           {R"("image_std": 0)", "image_std: expected positive numbers, got 0"},
           {R"("resample": "bicubic")", "resample: expected an integer from 0 to 10^9"},
           {R"("image_mean": "0.5")", "image_mean: expected a list of numbers, one per channel"},
           {R"("image_mean": [])", "image_mean: expected a list of numbers, one per channel"},
           {R"("image_std": [0.5, "x", 0.5])", "image_std: expected a list of numbers"},
           {R"("rescale_factor": -1)", "rescale_factor: expected a positive number, got -1"},
           {R"("do_resize": 1)", "do_resize: expected true or false, got 1"},
       }) {
    EXPECT_THAT(malformation_with(members), HasSubstr(message)) << members;
  }
  EXPECT_THAT(malformation_of("[]"), HasSubstr("p.json: processor: expected an object, got []"));
  EXPECT_THAT(malformation_of("{}"),
              HasSubstr("p.json: size: expected a number or an object with shortest_edge, got "));
}

TEST(ImageProcessorTest, KnowsPillowsFilters) {
  EXPECT_EQ(resample_of("nearest"), 0);
  EXPECT_EQ(resample_of("lanczos"), 1);
  EXPECT_EQ(resample_of("bilinear"), 2);
  EXPECT_EQ(resample_of("bicubic"), 3);
  EXPECT_EQ(resample_of("box"), 4);
  EXPECT_EQ(resample_of("hamming"), 5);
  EXPECT_EQ(resample_of("random"), -1);
  EXPECT_EQ(resample_of(""), -1);
}

}  // namespace
}  // namespace weightlift
