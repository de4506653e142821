#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/blank_networks.h"
#include "tests/support/refusal.h"
#include "weightlift/base/message.h"
#include "weightlift/models/regnet/infer_regnet.h"
#include "weightlift/models/regnet/regnet.h"
#include "weightlift/models/regnet/regnet_tags.h"
#include "weightlift/tensor/convert.h"

namespace weightlift {
namespace {

using ::testing::AllOf;
using testing::blank_tensor;
using testing::blank_tensors;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::read_networks;
using testing::refusal;
using testing::sorted;
using ::testing::StartsWith;
using testing::with_tensor;
using testing::without;

RegNetConfig infer(const StateDict& tensors) { return infer_regnet_config(tensors, "w"); }

template <class Kind = UnsupportedError>
std::string refusal_of(const StateDict& tensors) {
  return refusal<Kind>([&] { infer(tensors); });
}

/// timm's small network of regnets.txt: depths 1, 1, 2, 1, channels 8, 16, 32, 64, groups of 8.
StateDict small(const std::string& type = "y") {
  return read_networks("regnets.txt").at("timm " + type);
}

TEST(RegNetInferTest, ReadsTheNetworkFromTheTensors) {
  for (const StateDict& tensors : {small(), sorted(small())}) {
    const RegNetConfig config = infer(tensors);
    EXPECT_EQ(config.layer_type, RegNetType::kY);
    EXPECT_THAT(config.depths, ElementsAre(1, 1, 2, 1));
    EXPECT_THAT(config.hidden_sizes, ElementsAre(8, 16, 32, 64));
    EXPECT_EQ(config.groups_width, 8);
    EXPECT_EQ(config.embedding_size, 32);
    EXPECT_EQ(config.num_channels, 3);
    EXPECT_EQ(config.num_labels, 3);
    EXPECT_EQ(config.hidden_act, Activation::kRelu);
    EXPECT_TRUE(config.downsample_in_first_stage);
    EXPECT_EQ(config.dtype, DType::F32);
  }
  EXPECT_EQ(infer(small("x")).layer_type, RegNetType::kX);
  EXPECT_EQ(infer(without(small(), "head.")).num_labels, 0);
}

TEST(RegNetInferTest, ReadsEveryArchitecture) {
  for (const RegNetArchitecture& one : regnet_architectures()) {
    RegNetConfig config;
    config.layer_type = one.layer_type == "x" ? RegNetType::kX : RegNetType::kY;
    config.depths.assign(one.depths.begin(), one.depths.end());
    config.hidden_sizes.assign(one.hidden_sizes.begin(), one.hidden_sizes.end());
    config.groups_width = one.groups_width;
    config.num_labels = 10;
    const RegNetConfig shown = infer(blank_tensors(*make_timm_regnet(config)));
    EXPECT_EQ(to_config_json(shown), to_config_json(config)) << one.name;
  }
}

TEST(RegNetInferTest, FindsTheGroupsWidth) {
  const auto width = [](std::vector<RegNetStageWidths> stages) {
    return find_groups_width(stages);
  };
  // regnetx_080: the first stage is one group, narrower than the others.
  EXPECT_EQ(width({{80, 80}, {240, 120}, {720, 120}, {1920, 120}}), 120);
  EXPECT_EQ(width({{24, 8}, {56, 8}}), 8);
  EXPECT_EQ(width({{24, 24}, {56, 56}}), 56);
  // The widest groups are not the width: 50 // 24 is 2.
  EXPECT_EQ(width({{50, 25}, {72, 24}}), 24);
  EXPECT_EQ(width({{8, 1}, {16, 1}}), 1);
  EXPECT_EQ(width({{64, 32}, {64, 16}}), std::nullopt);
  EXPECT_EQ(width({{12, 5}}), std::nullopt);
  EXPECT_EQ(width({{12, 20}}), std::nullopt);
}

TEST(RegNetInferTest, ReadsWhateverWidthGivesTheGroups) {
  RegNetConfig config;
  config.layer_type = RegNetType::kX;
  config.depths = {1, 1};
  for (const std::vector<std::int64_t>& sizes : {std::vector<std::int64_t>{36, 72}, {35, 120}}) {
    config.hidden_sizes = sizes;
    for (config.groups_width = 1; config.groups_width < 130; ++config.groups_width) {
      if (refusal<UsageError>([&] { require_sizes(config); }) != "accepted") continue;
      const auto original = make_timm_regnet(config);
      const StateDict tensors = blank_tensors(*original);
      const auto again = make_timm_regnet(infer(tensors));
      again->load_state_dict(tensors);
    }
  }
}

TEST(RegNetInferTest, ReadsAFirstStageWithoutStride) {
  RegNetConfig config;
  config.depths = {2, 1};
  config.hidden_sizes = {32, 64};
  config.groups_width = 16;
  config.downsample_in_first_stage = false;
  EXPECT_FALSE(infer(blank_tensors(*make_timm_regnet(config))).downsample_in_first_stage);
  // With a shortcut for other channels, nothing shows the stride.
  config.embedding_size = 16;
  EXPECT_TRUE(infer(blank_tensors(*make_timm_regnet(config))).downsample_in_first_stage);
}

TEST(RegNetInferTest, RefusesOtherNetworksWithTheReason) {
  const std::map<std::string, std::string> reasons = {
      {"preact", "pre-activation blocks (preact, timm's RegNetV) (tensor 's1.b1.norm1."},
      {"average pool", "average-pool shortcuts (downsample avg) (tensor 's1.b1.downsample.1."},
      {"no shortcuts", "no shortcut in s1.b1 (downsample none, timm's RegNetZ)"},
      {"se_ratio",
       "squeeze-and-excitation with 16 channels in s1.b1 (se_ratio), transformers' RegNet has a "
       "quarter of the block's input, 8"},
      {"bottle_ratio", "bottlenecks with 16 channels inside for 8 outside (bottle_ratio)"},
      {"num_features", "a convolution after the last stage (num_features, timm's RegNetZ)"},
      {"layer norm",
       "no running statistics (running_mean): parameters without buffers, or group norm"},
      {"catavgmax", "average and maximum pooling side by side (global_pool catavgmax)"},
  };
  const auto networks = read_networks("other_regnets.txt");
  EXPECT_EQ(networks.size(), reasons.size());
  for (const auto& [name, tensors] : networks) {
    ASSERT_TRUE(reasons.contains(name)) << name;
    for (const StateDict& order : {tensors, sorted(tensors)}) {
      const std::string message = refusal<UnsupportedError>([&] { infer(order); });
      EXPECT_THAT(message,
                  AllOf(StartsWith("w: unsupported network: "), HasSubstr(reasons.at(name))))
          << name;
    }
  }
}

TEST(RegNetInferTest, RefusesOtherBlocks) {
  struct Case {
    const char* name;
    Shape shape;
    const char* reason;
  };
  for (const auto& [name, shape, reason] : std::initializer_list<Case>{
           {"stem.conv.weight", {32, 3, 7, 7}, "a 7x7 stem convolution (RegNet X and Y have 3x3)"},
           {"s3.b2.conv2.conv.weight",
            {32, 8, 5, 5},
            "a 5x5 convolution in s3.b2.conv2.conv (RegNet X and Y have 3x3)"},
           {"s2.b1.downsample.conv.weight",
            {16, 8, 3, 3},
            "a 3x3 convolution in s2.b1.downsample.conv (RegNet X and Y have 1x1)"},
           {"s3.b2.downsample.conv.weight",
            {32, 32, 1, 1},
            "a shortcut convolution in s3.b2, not the first block of its stage"},
           {"s2.b1.conv1.conv.bias", {16}, "convolutions with biases"},
           {"s3.b2.conv1.conv.weight",
            {16, 32, 1, 1},
            "bottlenecks with 16 channels inside for 32 outside (bottle_ratio)"},
           {"s3.b1.conv2.conv.weight",
            {32, 4, 3, 3},
            "groups that no group width gives (channels per group and stage: 8 of 8, 8 of 16, 4 "
            "of 32, 8 of 64)"},
           {"head.fc.weight", {3, 100}, "a classifier on 100 features after 64 channels"},
           {"s1.b1.conv1.conv.weight_mask", {8, 32, 1, 1}, "pruned weights"},
       }) {
    EXPECT_THAT(refusal_of(with_tensor(small(), name, blank_tensor(shape))), HasSubstr(reason));
  }
}

TEST(RegNetInferTest, RefusesBlocksOfTwoKinds) {
  EXPECT_EQ(refusal_of(without(small(), "s3.b2.se.")),
            "w: unsupported network: squeeze-and-excitation in some blocks only (none in s3.b2)");
  EXPECT_EQ(refusal_of(without(small(), "s1.b1.se.")),
            "w: unsupported network: squeeze-and-excitation in some blocks only (one in s2.b1)");
  EXPECT_EQ(refusal_of(without(small(), "s2.b1.downsample.")),
            "w: unsupported network: no shortcut in s2.b1 (downsample none, timm's RegNetZ)");
}

TEST(RegNetInferTest, NamesWhatIsMissing) {
  EXPECT_EQ(refusal_of<NotFoundError>({}), "w: no tensors found");
  EXPECT_EQ(refusal_of<NotFoundError>(without(small(), "s")),
            "w: tensor 'stem.conv.weight': not found, but every timm RegNet has it");
  StateDict stem;
  for (const auto& [name, tensor] : small()) {
    if (name.starts_with("stem.")) stem.insert(name, tensor);
  }
  EXPECT_EQ(refusal_of<NotFoundError>(stem),
            "w: no RegNet blocks found (s1.b1.conv1.conv.weight, ...)");
  EXPECT_THAT(refusal_of<NotFoundError>(without(small(), "s2.b1.conv1.")),
              HasSubstr("tensor 's2.b1.conv1.conv.weight': not found"));
  EXPECT_THAT(
      refusal_of<MismatchError>(with_tensor(small(), "s1.b1.conv2.conv.weight", blank_tensor({8}))),
      HasSubstr("tensor 's1.b1.conv2.conv.weight': expected 4 dimensions without zeros, got [8]"));
}

TEST(RegNetInferTest, ReadsTheCommonDtype) {
  StateDict half;
  for (const auto& [name, tensor] : small()) {
    const DType dtype = is_floating(tensor.dtype()) ? DType::F16 : tensor.dtype();
    half.insert(name, blank_tensor(tensor.shape(), dtype));
  }
  EXPECT_EQ(infer(half).dtype, DType::F16);
  const Tensor ids = blank_tensor({3}, DType::I64);
  EXPECT_EQ(refusal_of(with_tensor(small(), "head.fc.bias", ids)),
            "w: tensor 'head.fc.bias': expected F32, F16, BF16 or F64, got I64");
}

TEST(RegNetInferTest, IgnoresTensorsOutsideTheNetwork) {
  const StateDict tensors =
      with_tensor(small(), "decoder.norm1.final_conv.weight", blank_tensor({1}));
  EXPECT_EQ(infer(tensors).num_labels, 3);
}

}  // namespace
}  // namespace weightlift
