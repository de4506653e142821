#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "tests/convert/job.h"
#include "tests/support/notes.h"
#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "tests/support/timm_checkpoint.h"
#include "weightlift/base/message.h"

namespace weightlift {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::names_in;
using ::testing::Not;
using testing::refusal;
using testing::request_for;
using testing::run;
using testing::small_checkpoint;
using ::testing::StartsWith;
using testing::TempDir;
using testing::told;
using testing::write_file;

class ConvertOptionsTest : public ::testing::Test {
 protected:
  ConvertOptionsTest() {
    small_checkpoint().write_folder(dir_ / "small");
    request_ = request_for(dir_ / "small", dir_ / "out");
    request_.verify = false;
  }
  TempDir dir_;
  ConversionRequest request_;
};

TEST_F(ConvertOptionsTest, ReadsLabelsOfAFile) {
  write_file(dir_ / "labels.txt", "a\nb\nc\nd\ne\n");
  request_.id2label = File{dir_ / "labels.txt"};
  const Conversion result = run(request_);
  EXPECT_EQ(result.content.config.label(4), "e");
  EXPECT_EQ(result.labels_from, "from a file, chosen by the user");
}

TEST_F(ConvertOptionsTest, RefusesAnotherNumberOfLabels) {
  request_.id2label = Preset{"imagenet-1k"};
  EXPECT_EQ(refusal<MismatchError>([&] { run(request_); }),
            "imagenet-1k: expected 5 labels, one per class, got 1000");
  EXPECT_THAT(names_in(dir_ / "out"), IsEmpty());
}

TEST_F(ConvertOptionsTest, NamesTheFolder) {
  request_.name = "mine";
  EXPECT_EQ(run(request_).folder, dir_ / "out/mine");
  EXPECT_THAT(names_in(dir_ / "out"), ElementsAre("mine"));
}

TEST_F(ConvertOptionsTest, RefusesImpossibleNames) {
  for (const char* name : {"a/b", "/", "..", "."}) {
    request_.name = name;
    EXPECT_THAT(refusal<UsageError>([&] { run(request_); }),
                EndsWith(fmt::format(": '{}' cannot be the name of a folder; choose-name()", name)))
        << name;
  }
  EXPECT_THAT(names_in(dir_ / "out"), IsEmpty());
}

TEST_F(ConvertOptionsTest, UsesTheProcessorOfTheOldScript) {
  request_.image_processor = Preset{"convnext-base-224-22k-1k"};
  const Conversion result = run(request_);
  EXPECT_EQ(to_preprocessor_json(*result.content.processor), to_preprocessor_json({}));
  EXPECT_THAT(result.card, HasSubstr("from facebook/convnext-base-224-22k-1k, chosen by the user"));
}

TEST_F(ConvertOptionsTest, ReportsHowItReadsLabelsInEachForm) {
  write_file(dir_ / "labels.txt", "e 4\na 0\nb 1\nd 3\nc 2\n");
  request_.id2label = File{dir_ / "labels.txt"};
  for (const Form form : {Form::kTransformers, Form::kTimm}) {
    request_.to = form;
    request_.name = to_string(form);
    const Conversion result = run(request_);
    EXPECT_THAT(told(result.notes),
                Contains(HasSubstr("labels.txt: labels-read form='a label, then an index on each "
                                   "line' first='a' last='e'")));
    EXPECT_EQ(result.content.config.label(3), "d");
    EXPECT_THAT(result.card, Not(HasSubstr(dir_.path().string())));
  }
}

/// The reader of a card may not have weightlift.
TEST_F(ConvertOptionsTest, NoCardNamesAnOption) {
  small_checkpoint().write_file(dir_ / "lone.safetensors");
  ResNetConfig network = small_checkpoint().network;
  network.num_channels = 4;
  testing::make_timm_checkpoint(network, "resnet18").write_folder(dir_ / "four");
  testing::TimmCheckpoint cropped = small_checkpoint();
  cropped.config_json =
      testing::merged(cropped.config_json, R"({"pretrained_cfg": {"crop_mode": "border"}})");
  cropped.write_folder(dir_ / "cropped");
  const std::regex option(" --[a-z]");
  for (const char* source : {"small", "lone.safetensors", "four", "cropped"}) {
    for (const char* processor : {"source", kConvNextProcessor, "resnet50.tv_in1k"}) {
      for (const Form form : {Form::kTransformers, Form::kTimm}) {
        const bool refused =
            source == std::string_view("four") && processor != std::string_view("source");
        if (refused) continue;  // no image has four channels
        request_.source = (dir_ / source).string();
        request_.image_processor = Preset{processor};
        if (processor == std::string_view("source")) request_.image_processor = FromSource();
        request_.to = form;
        request_.head = request_.head == Head::kClassifier ? Head::kNone : Head::kClassifier;
        request_.name = fmt::format("{}-{}-{}", source, processor, to_string(form));
        const std::string card = run(request_).card;
        EXPECT_FALSE(std::regex_search(card, option)) << card;
        EXPECT_THAT(card, HasSubstr("## How to load it"));
      }
    }
  }
}

TEST_F(ConvertOptionsTest, UsesTheProcessorOfAFile) {
  const std::string text = to_preprocessor_json({.shortest_edge = 99});
  write_file(dir_ / "p/preprocessor_config.json", text);
  request_.image_processor = File{dir_ / "p/preprocessor_config.json"};
  const Conversion result = run(request_);
  EXPECT_EQ(testing::read_file(result.folder / "preprocessor_config.json"), text);
  EXPECT_THAT(told(result.notes), Contains("processor-chosen which='preprocessor_config.json'"));
}

TEST_F(ConvertOptionsTest, UsesTheProcessorOfATimmNameOrFolder) {
  testing::TimmCheckpoint tuned = small_checkpoint();
  tuned.write_file(dir_ / "tuned.safetensors");
  request_.source = (dir_ / "tuned.safetensors").string();
  EXPECT_THAT(told(run(request_).notes),
              Contains(EndsWith(": processor-not-in-file; give-image-processor()")));
  request_.image_processor = Preset{"resnet18.tv_in1k"};
  request_.name = "named";
  const Conversion named = run(request_);
  EXPECT_EQ(named.content.processor->resample, 2);
  EXPECT_THAT(told(named.notes), Contains("processor-chosen which='timm/resnet18.tv_in1k'"));
  request_.image_processor = File{dir_ / "small"};
  request_.name = "of-folder";
  const Conversion of_folder = run(request_);
  EXPECT_EQ(of_folder.content.processor->shortest_edge, 32);
  EXPECT_THAT(told(of_folder.notes), Contains("processor-chosen which='small'"));
  request_.image_processor = File{dir_.path()};
  request_.name = "neither";
  EXPECT_THAT(refusal<NotFoundError>([&] { run(request_); }),
              HasSubstr("neither preprocessor_config.json nor timm's config.json found"));
}

TEST_F(ConvertOptionsTest, WarnsThatThePipelineNeedsRgb) {
  ResNetConfig network = small_checkpoint().network;
  network.num_channels = 1;
  testing::TimmCheckpoint gray = testing::make_timm_checkpoint(network, "resnet18");
  gray.config_json =
      testing::merged(gray.config_json, R"({"pretrained_cfg": {"mean": [0.5], "std": [0.5]}})");
  gray.write_folder(dir_ / "gray");
  request_.source = (dir_ / "gray").string();
  EXPECT_THAT(told(run(request_).notes), Contains("grayscale-pipeline"));
}

TEST_F(ConvertOptionsTest, WarnsOfAProcessorForOtherChannels) {
  write_file(dir_ / "p.json", to_preprocessor_json({.image_mean = {{0.5}}, .image_std = {{0.5}}}));
  request_.image_processor = File{dir_ / "p.json"};
  EXPECT_THAT(told(run(request_).notes),
              Contains("processor-mismatch mean='1' std='1' channels='3'"));
}

TEST_F(ConvertOptionsTest, UsesTheTestSettings) {
  testing::TimmCheckpoint checkpoint = small_checkpoint();
  checkpoint.config_json = testing::merged(
      checkpoint.config_json,
      R"({"pretrained_cfg": {"test_input_size": [3, 48, 48], "test_crop_pct": 1.0}})");
  checkpoint.write_folder(dir_ / "tested");
  request_.source = (dir_ / "tested").string();
  EXPECT_EQ(run(request_).content.processor->shortest_edge, 32);
  request_.image_processor = FromSourceTest();
  request_.name = "t";
  const Conversion result = run(request_);
  EXPECT_EQ(result.content.processor->shortest_edge, 48);
  EXPECT_EQ(result.content.processor->crop_pct.value, 1.0);
}

TEST_F(ConvertOptionsTest, RefusesOtherFilesAsProcessor) {
  request_.image_processor = File{dir_ / "small/config.json"};
  EXPECT_THAT(refusal<FormatError>([&] { run(request_); }), HasSubstr("small/config.json: size:"));
  request_.image_processor = Preset{"resnet50.a1_in2k"};
  EXPECT_THAT(refusal<NotFoundError>([&] { run(request_); }),
              AllOf(StartsWith("image_processor: unknown image processor 'resnet50.a1_in2k'"),
                    HasSubstr("did-you-mean(resnet50.a1_in1k")));
  request_.image_processor = Repository{"acme/files"};
  EXPECT_THAT(refusal<UsageError>([&] { run(request_); }), HasSubstr("not fetched: acme/files"));
  EXPECT_THAT(names_in(dir_ / "out"), IsEmpty());
}

TEST_F(ConvertOptionsTest, StatesFactsInTheCard) {
  request_.license = "mit";
  request_.base_model = "me/base";
  request_.datasets = {"flowers102"};
  EXPECT_THAT(
      run(request_).card,
      AllOf(HasSubstr("license: \"mit\"\nbase_model: \"me/base\"\ndatasets:\n- \"flowers102\"\n"),
            HasSubstr("- license: `mit`\n")));
}

TEST_F(ConvertOptionsTest, SyncsFolders) {
  request_.fsync = true;
  EXPECT_TRUE(run(request_).written);
}

TEST_F(ConvertOptionsTest, UsesSamplesAndSeed) {
  request_.verify = true;
  request_.verify_options.samples = 3;
  request_.verify_options.seed = 7;
  const Conversion result = run(request_);
  EXPECT_TRUE(result.verification->verified());
  EXPECT_EQ(result.verification->options.samples, 3);
  EXPECT_THAT(result.card, HasSubstr("on 3 standard normal inputs of [1, 3, 32, 32] (seed 7)"));
}

}  // namespace
}  // namespace weightlift
