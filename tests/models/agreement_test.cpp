#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/refusal.h"
#include "tests/support/timm_checkpoint.h"
#include "weightlift/base/message.h"
#include "weightlift/models/families.h"
#include "weightlift/models/timm_config.h"

namespace weightlift {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::merged;
using testing::refusal;
using testing::small_checkpoint;
using testing::TimmCheckpoint;

/// Compares the checkpoint's config, with a patch applied, with its tensors.
void compare(const TimmCheckpoint& checkpoint, const std::string& patch = "{}") {
  const TimmConfig promised = parse_timm_config(merged(checkpoint.config_json, patch), "c.json");
  Model shown = find_family("resnet")->from_tensors(checkpoint.state_dict(), "w");
  take_statements(promised, shown, "c.json");
}

std::string disagreement(const std::string& patch, LayerType type = LayerType::kBasic) {
  const TimmCheckpoint checkpoint = small_checkpoint(type);
  return refusal<MismatchError>([&] { compare(checkpoint, patch); });
}

TEST(AgreementTest, AcceptsAConfigWithItsOwnTensors) {
  compare(small_checkpoint(LayerType::kBasic));
  compare(small_checkpoint(LayerType::kBottleneck));
}

TEST(AgreementTest, NamesTheLayerType) {
  EXPECT_EQ(disagreement(R"({"architecture": "resnet50"})"),
            "c.json: layer type of resnet50: expected bottleneck, got basic in the tensors");
}

TEST(AgreementTest, NamesTheFamily) {
  EXPECT_EQ(disagreement(R"({"architecture": "regnety_002", "model_args": null})"),
            "c.json: family of regnety_002: expected RegNet, got ResNet in the tensors");
}

TEST(AgreementTest, NamesTheBlocks) {
  EXPECT_EQ(disagreement(R"({"model_args": {"layers": [1, 1, 1, 1]}})"),
            "c.json: blocks per stage: expected [1, 1, 1, 1], got [2, 1, 1, 1] in the tensors");
  EXPECT_THAT(disagreement(R"({"model_args": {"layers": null}})"),
              HasSubstr("expected [2, 2, 2, 2]"));
  EXPECT_THAT(disagreement(R"({"architecture": "resnet34", "model_args": {"layers": null}})"),
              HasSubstr("expected [3, 4, 6, 3]"));
}

TEST(AgreementTest, NamesTheChannels) {
  EXPECT_THAT(disagreement(R"({"model_args": {"channels": [64, 16, 24, 31]}})"),
              HasSubstr("channels per stage: expected [64, 16, 24, 31], got [64, 16, 24, 32]"));
  EXPECT_THAT(disagreement(R"({"model_args": {"channels": null}})"),
              HasSubstr("expected [64, 128, 256, 512]"));
  EXPECT_THAT(disagreement(R"({"model_args": {"channels": null}})", LayerType::kBottleneck),
              HasSubstr("expected [256, 512, 1024, 2048]"));
}

TEST(AgreementTest, RefusesArgumentsOfAWrongType) {
  for (const auto& [args, message] : std::initializer_list<std::pair<const char*, const char*>>{
           {R"({"layers": [2, 2, "2"]})", "layers: expected a list of positive integers"},
           {R"({"layers": []})", "layers: expected a list of positive integers, got []"},
           {R"({"layers": [0, 1]})", "layers: expected a list of positive integers"},
           {R"({"layers": 3})", "layers: expected a list of positive integers, got 3"},
           {R"({"channels": [64, 1e9]})", "channels: expected a list of positive integers"},
           {R"({"channels": [64, 99999999999999]})", "channels: expected a list"},
       }) {
    const std::string patch = R"({"model_args": )" + std::string(args) + "}";
    EXPECT_THAT(refusal<FormatError>([&] { compare(small_checkpoint(), patch); }),
                AllOf(HasSubstr("c.json: "), HasSubstr(message)))
        << args;
  }
}

TEST(AgreementTest, NamesTheInputChannels) {
  EXPECT_THAT(disagreement(R"({"model_args": {"in_chans": 1}})"),
              HasSubstr("input channels (in_chans): expected 1, got 3"));
  EXPECT_THAT(disagreement(R"({"model_args": {"in_chans": null},
                               "pretrained_cfg": {"input_size": [4, 32, 32]}})"),
              HasSubstr("input channels (in_chans): expected 4"));
}

TEST(AgreementTest, NamesTheClasses) {
  EXPECT_THAT(disagreement(R"({"num_classes": 6, "model_args": {"num_classes": 6}})"),
              HasSubstr("classes (num_classes): expected 6, got 5"));
  EXPECT_THAT(disagreement(R"({"num_classes": null, "model_args": {"num_classes": null},
                               "pretrained_cfg": {"num_classes": null}})"),
              HasSubstr("classes (num_classes): expected 1000"));
}

TEST(AgreementTest, TheTopLevelsClassesOverrideThePretrainedCfgs) {
  compare(small_checkpoint(), R"({"model_args": {"num_classes": null}, "num_classes": 5,
                                  "pretrained_cfg": {"num_classes": 1000}})");
}

TEST(AgreementTest, AcceptsZeroClasses) {
  TimmCheckpoint checkpoint = small_checkpoint();
  checkpoint.tensors.erase("fc.weight");
  checkpoint.tensors.erase("fc.bias");
  compare(checkpoint, R"({"num_classes": 0, "model_args": {"num_classes": 0}})");
  EXPECT_THAT(refusal<MismatchError>([&] { compare(checkpoint); }),
              HasSubstr("classes (num_classes): expected 5, got 0"));
}

TEST(AgreementTest, NamesTheNumberOfLabels) {
  EXPECT_THAT(disagreement(R"({"label_names": ["a", "b", "c"]})"),
              HasSubstr("label_names: expected 3 labels, got 5 classes"));
  compare(small_checkpoint(), R"({"label_names": ["a", "b", "c", "d", "e"]})");
}

}  // namespace
}  // namespace weightlift
