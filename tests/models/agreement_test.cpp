#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/refusal.h"
#include "tests/support/timm_checkpoint.h"
#include "weightlift/base/error.h"
#include "weightlift/models/infer.h"
#include "weightlift/models/timm_config.h"

namespace weightlift {
namespace {

using ::testing::HasSubstr;
using testing::merged;
using testing::refusal;
using testing::small_checkpoint;
using testing::TimmCheckpoint;

/// Compares the checkpoint's config, with a patch applied, with its tensors.
void compare(const TimmCheckpoint& checkpoint, const std::string& patch = "{}") {
  const TimmConfig promised = parse_timm_config(merged(checkpoint.config_json, patch), "c.json");
  require_agreement(promised, infer_resnet_config(checkpoint.state_dict(), "w"), "c.json");
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
