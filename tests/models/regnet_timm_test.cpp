// What timm's and torchvision's arguments state about a RegNet, and what weightlift writes for
// them.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/refusal.h"
#include "weightlift/base/message.h"
#include "weightlift/models/families.h"
#include "weightlift/models/regnet/regnet_config.h"
#include "weightlift/models/regnet/regnet_tags.h"
#include "weightlift/models/regnet/regnet_widths.h"
#include "weightlift/models/timm_config.h"

namespace weightlift {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::refusal;

Model model_of(const RegNetConfig& config) {
  return parse_transformers_config(to_config_json(config), "config.json");
}

RegNetConfig config_of(std::string_view architecture) {
  const auto found =
      std::ranges::find(regnet_architectures(), architecture, &RegNetArchitecture::name);
  RegNetConfig config;
  config.layer_type = found->layer_type == "x" ? RegNetType::kX : RegNetType::kY;
  config.depths.assign(found->depths.begin(), found->depths.end());
  config.hidden_sizes.assign(found->hidden_sizes.begin(), found->hidden_sizes.end());
  config.groups_width = found->groups_width;
  config.num_labels = 1000;
  return config;
}

/// What comes of the tensors of `config` and a config of timm with these arguments: "accepted" or
/// the refusal.
std::string merging(const RegNetConfig& config, std::string_view architecture,
                    std::string_view args, std::string* transformers_config = nullptr) {
  Model shown = model_of(config);
  const std::string text =
      fmt::format(R"({{"architecture": "{}", "model_args": {}}})", architecture, args);
  return refusal<Error>([&] {
    take_statements(parse_timm_config(text, "c.json"), shown, "c.json");
    if (transformers_config != nullptr) {
      *transformers_config = shown.network->transformers_config(shown.config);
    }
  });
}

std::string timms(const RegNetConfig& config) {
  const TimmConfig made = make_timm_config(model_of(config));
  return made.architecture + " " + made.model_args;
}

TEST(RegNetWidthsTest, FollowTimmsRule) {
  ASSERT_EQ(regnet_rules().size(), regnet_architectures().size());
  for (const auto& [name, rule] : regnet_rules()) {
    const RegNetConfig expected = config_of(name);
    const RegNetWidths widths = regnet_widths(rule);
    EXPECT_EQ(widths.depths, expected.depths) << name;
    EXPECT_EQ(widths.hidden_sizes, expected.hidden_sizes) << name;
    for (std::size_t i = 0; i < widths.group_sizes.size(); ++i) {
      const std::int64_t width = expected.hidden_sizes[i];
      EXPECT_EQ(width / widths.group_sizes[i], regnet_groups(expected, width)) << name;
    }
  }
}

TEST(RegNetTimmTest, AcceptsEveryArchitectureWithItsTensors) {
  for (const RegNetArchitecture& one : regnet_architectures()) {
    EXPECT_EQ(merging(config_of(one.name), one.name, "{}"), "accepted") << one.name;
    EXPECT_EQ(timms(config_of(one.name)), fmt::format("{} {{}}", one.name));
  }
}

TEST(RegNetTimmTest, NamesWhatDiffers) {
  EXPECT_EQ(merging(config_of("regnetx_002"), "regnety_002", "{}"),
            "c.json: layer type of regnety_002: expected y, got x in the tensors");
  EXPECT_EQ(merging(config_of("regnety_002"), "regnety_004", "{}"),
            "c.json: blocks per stage: expected [1, 3, 6, 6], got [1, 1, 4, 7] in the tensors");
  EXPECT_EQ(merging(config_of("regnety_008_tv"), "regnety_008", "{}"),
            "c.json: channels per stage: expected [64, 128, 320, 768], got [64, 144, 320, 784] in "
            "the tensors");
  RegNetConfig config = config_of("regnety_002");
  config.groups_width = 4;
  EXPECT_EQ(
      merging(config, "regnety_002", "{}"),
      "c.json: groups per stage: expected [3, 7, 19, 46], got [6, 14, 38, 92] in the tensors");
  EXPECT_EQ(merging(config, "regnety_002", R"({"group_size": 4})"), "accepted");
  config = config_of("regnety_002");
  config.embedding_size = 48;
  EXPECT_EQ(merging(config, "regnety_002", "{}"),
            "c.json: channels of the stem (stem_width): expected 32, got 48 in the tensors");
  EXPECT_EQ(merging(config, "regnety_002", R"({"stem_width": 48})"), "accepted");
  config = config_of("regnetx_004");
  config.downsample_in_first_stage = false;
  EXPECT_EQ(merging(config, "regnetx_004", "{}"),
            "c.json: stride of the first stage: expected 2, got 1 in the tensors");
}

TEST(RegNetTimmTest, ComputesTheWidthsOfStatedArguments) {
  RegNetConfig config = config_of("regnety_002");
  config.depths = {1, 1, 2, 1};
  config.hidden_sizes = {8, 16, 32, 64};
  const char* const rule = R"({"depth": 5, "w0": 8, "wa": 12.0, "wm": 2.0, "group_size": 8})";
  EXPECT_EQ(merging(config, "regnety_002", rule), "accepted");
  EXPECT_EQ(merging(config, "regnety_002", R"({"depth": 5})"),
            "c.json: blocks per stage: expected [1, 1, 3], got [1, 1, 2, 1] in the tensors");
  // Other groups change channels, too: 24, 56, 152 and 368 become multiples of 16.
  config = config_of("regnety_002");
  config.hidden_sizes = {32, 64, 160, 368};
  config.groups_width = 16;
  EXPECT_EQ(merging(config, "regnety_002", R"({"group_size": 16})"), "accepted");
  EXPECT_EQ(merging(config_of("regnety_002"), "regnety_002", R"({"se_ratio": 0.25})"), "accepted");
  EXPECT_EQ(merging(config_of("regnety_002"), "regnety_002", R"({"se_ratio": 0.5})"),
            "c.json: se_ratio: expected 0.5, got 0.25 in the tensors");
  EXPECT_EQ(merging(config_of("regnetx_002"), "regnety_002", R"({"se_ratio": 0})"), "accepted");
  EXPECT_EQ(merging(config_of("regnety_008_tv"), "regnety_008", R"({"group_min_ratio": 0.9})"),
            "accepted");
}

TEST(RegNetTimmTest, RefusesArgumentsThatTimmRefuses) {
  for (const char* args : {R"({"depth": 0})", R"({"depth": 20000})", R"({"w0": 7})", R"({"w0": 0})",
                           R"({"w0": 99999999})", R"({"wa": -1})", R"({"wa": 1e30})",
                           R"({"wm": 1.0})", R"({"wm": 1e9})", R"({"group_size": 0})"}) {
    EXPECT_THAT(merging(config_of("regnety_002"), "regnety_002", args),
                HasSubstr("c.json: expected depth from 1 to 10000, w0 divisible by 8, wa from 0"))
        << args;
  }
  EXPECT_THAT(merging(config_of("regnety_002"), "regnety_002", R"({"depth": 1.5})"),
              HasSubstr("c.json: depth: expected an integer"));
  EXPECT_THAT(merging(config_of("regnety_002"), "regnety_002", R"({"wa": "1"})"),
              HasSubstr("c.json: wa: expected a number"));
}

TEST(RegNetTimmTest, TakesTheActivationOfX) {
  for (const auto& [name, hidden_act] : std::initializer_list<std::pair<const char*, const char*>>{
           {"silu", "silu"},
           {"swish", "silu"},
           {"gelu", "gelu"},
           {"hard_swish", "hardswish"},
           {"gelu_tanh", "gelu_pytorch_tanh"},
           {"relu", "relu"}}) {
    std::string config;
    const std::string args = fmt::format(R"({{"act_layer": "{}"}})", name);
    EXPECT_EQ(merging(config_of("regnetx_002"), "regnetx_002", args, &config), "accepted");
    EXPECT_THAT(config, HasSubstr(fmt::format("\"hidden_act\": \"{}\"", hidden_act)));
  }
  EXPECT_THAT(merging(config_of("regnetx_002"), "regnetx_002", R"({"act_layer": "elu"})"),
              HasSubstr("c.json: act_layer: expected relu, relu6, silu, swish, "));
  EXPECT_EQ(merging(config_of("regnety_002"), "regnety_002", R"({"act_layer": "silu"})"),
            "c.json: act_layer: expected relu in layer type y, got silu; transformers' "
            "squeeze-and-excitation always has ReLU");
  EXPECT_EQ(merging(config_of("regnety_002"), "regnety_002", R"({"act_layer": "relu"})"),
            "accepted");
}

TEST(RegNetTimmTest, RefusesWhatLeavesNoTrace) {
  const auto refusal_with = [](const char* args) {
    return merging(config_of("regnety_002"), "regnety_002", args);
  };
  EXPECT_EQ(refusal_with(R"({"output_stride": 16})"),
            "c.json: model_args.output_stride: expected 32, got 16; smaller ones dilate "
            "convolutions");
  EXPECT_EQ(refusal_with(R"({"linear_out": true})"),
            "c.json: model_args.linear_out: expected false, got true; transformers' RegNet has an "
            "activation after each block");
  EXPECT_EQ(refusal_with(R"({"downsample": "avg"})"),
            "c.json: model_args.downsample: expected \"conv1x1\", got \"avg\"; transformers' "
            "RegNet has 1x1 convolutions as shortcuts");
  EXPECT_THAT(refusal_with(R"({"global_pool": "max"})"),
              HasSubstr("c.json: model_args.global_pool: expected \"avg\""));
  for (const char* args :
       {R"({"preact": true})", R"({"bottle_ratio": 2})", R"({"num_features": 8})",
        R"({"norm_layer": "groupnorm"})", R"({"downsample": null})", R"({"cfg": {}})",
        R"({"layers": [1, 1, 1, 1]})"}) {
    EXPECT_THAT(refusal_with(args), HasSubstr("c.json: model_args.")) << args;
  }
}

TEST(RegNetTimmTest, AcceptsWhatChangesNothing) {
  for (const char* args :
       {R"({"drop_rate": 0.5})", R"({"drop_path_rate": 0.1})", R"({"zero_init_last": false})",
        R"({"output_stride": 32})", R"({"global_pool": "fast"})", R"({"downsample": "conv1x1"})",
        R"({"bottle_ratio": 1.0})", R"({"linear_out": false, "preact": false})",
        R"({"norm_layer": "batchnorm"})", R"({"num_features": 0})"}) {
    EXPECT_EQ(merging(config_of("regnety_002"), "regnety_002", args), "accepted") << args;
  }
}

TEST(RegNetTimmTest, ComparesTheArgumentsOfATrainingScript) {
  const auto message = [](const char* args) {
    Model shown = model_of(config_of("regnetx_002"));
    return refusal<Error>([&] { take_model_args(args, shown, "w"); });
  };
  EXPECT_EQ(message("{}"), "accepted");
  EXPECT_EQ(message(R"({"group_size": 8, "stem_width": 32, "se_ratio": 0.0})"), "accepted");
  EXPECT_EQ(message(R"({"group_size": 24})"),
            "w: groups per stage (group_size): expected [1, 2, 6, 15], got [3, 7, 19, 46] in the "
            "tensors");
  EXPECT_EQ(message(R"({"depth": 12})"), "w: blocks (depth): expected 12, got 13 in the tensors");
  EXPECT_EQ(message(R"({"stem_width": 16})"),
            "w: channels of the stem (stem_width): expected 16, got 32 in the tensors");
  EXPECT_EQ(message(R"({"se_ratio": 0.25})"), "w: se_ratio: expected 0.25, got 0 in the tensors");
  EXPECT_EQ(message(R"({"depth": 13, "w0": 24, "wa": 36.44, "wm": 2.49, "group_size": 8})"),
            "accepted");
  EXPECT_THAT(message(R"({"depth": 12, "w0": 24, "wa": 36.44, "wm": 2.49, "group_size": 8})"),
              HasSubstr("w: blocks per stage: expected [1, 1, 4, 6]"));
  // Its rounding is the architecture's, which is unknown.
  Model shown = model_of(config_of("regnety_008_tv"));
  take_model_args(R"({"depth": 14, "w0": 56, "wa": 38.84, "wm": 2.4, "group_size": 16})", shown,
                  "w");
  EXPECT_EQ(message(R"({"output_stride": 8})"),
            "w: args.model_kwargs.output_stride: expected 32, got 8; smaller ones dilate "
            "convolutions");
}

TEST(RegNetTimmTest, WritesTheArgumentsThatTimmNeeds) {
  RegNetConfig config = config_of("regnetx_002");
  config.groups_width = 4;
  config.embedding_size = 48;
  config.hidden_act = Activation::kHardswish;
  EXPECT_EQ(timms(config),
            R"(regnetx_002 {"group_size": 4, "stem_width": 48, "act_layer": "hard_swish"})");
  config = config_of("regnety_002");
  config.hidden_sizes = {32, 64, 160, 368};
  config.groups_width = 16;
  EXPECT_EQ(timms(config), R"(regnety_002 {"group_size": 16})");
}

TEST(RegNetTimmTest, RefusesNetworksThatTimmDoesNotHave) {
  const auto refusal_with = [](void (*change)(RegNetConfig&)) {
    RegNetConfig config = config_of("regnety_002");
    change(config);
    return refusal<UnsupportedError>([&] { timms(config); });
  };
  EXPECT_EQ(refusal_with([](RegNetConfig& config) { config.depths[0] = 2; }),
            "timm's RegNet computes its channels from w0, wa and wm, and no architecture has the "
            "blocks [2, 1, 4, 7], the channels [24, 56, 152, 368] and the group width 8 of this "
            "network");
  EXPECT_EQ(refusal_with([](RegNetConfig& config) { config.hidden_act = Activation::kSilu; }),
            "timm's RegNet has one activation in layer type y, also in its "
            "squeeze-and-excitation, this network has silu and relu");
  EXPECT_EQ(refusal_with([](RegNetConfig& config) { config.downsample_in_first_stage = false; }),
            "timm's RegNet has stride 2 in the first stage, this network has stride 1 "
            "(downsample_in_first_stage)");
  EXPECT_EQ(refusal_with([](RegNetConfig& config) {
              config.depths = {1, 1};
              config.hidden_sizes = {24, 56};
            }),
            "timm's RegNet has 4 stages, this network has 2");
  EXPECT_EQ(refusal_with([](RegNetConfig& config) {
              config.layer_type = RegNetType::kX;
              config.hidden_act = Activation::kLinear;
            }),
            "timm's RegNet has an activation in each block, this network has linear");
}

TEST(RegNetTorchvisionTest, NamesTheFunction) {
  for (const RegNetArchitecture& one : regnet_architectures()) {
    const Model model = model_of(config_of(one.name));
    const std::string code = model.network->torchvision_code(model.config);
    if (one.torchvision.empty()) {
      EXPECT_THAT(code, HasSubstr("model = RegNet(blocks, num_classes=1000, stem_width=32)\n"));
      continue;
    }
    EXPECT_EQ(code, fmt::format("from torchvision.models import {0}\n\n"
                                "model = {0}(num_classes=1000)\n",
                                one.torchvision));
  }
}

TEST(RegNetTorchvisionTest, WritesTheBlocksOfOthers) {
  RegNetConfig config = config_of("regnety_032");
  config.layer_type = RegNetType::kX;
  config.embedding_size = 16;
  config.groups_width = 120;
  config.hidden_sizes = {80, 240, 720, 1920};
  config.num_labels = 7;
  const Model model = model_of(config);
  EXPECT_EQ(model.network->torchvision_code(model.config),
            "from torchvision.models.regnet import BlockParams, RegNet\n\n"
            "blocks = BlockParams(\n"
            "    depths=[2, 5, 13, 1],\n"
            "    widths=[80, 240, 720, 1920],\n"
            "    group_widths=[80, 120, 120, 120],\n"
            "    bottleneck_multipliers=[1.0, 1.0, 1.0, 1.0],\n"
            "    strides=[2, 2, 2, 2],\n"
            "    se_ratio=None,\n"
            ")\n"
            "model = RegNet(blocks, num_classes=7, stem_width=16)\n");
}

TEST(RegNetTorchvisionTest, RefusesNetworksThatTorchvisionDoesNotHave) {
  const auto refusal_with = [](void (*change)(RegNetConfig&)) {
    RegNetConfig config = config_of("regnety_002");
    change(config);
    const Model model = model_of(config);
    const std::string made =
        refusal<UnsupportedError>([&] { model.network->make(Form::kTorchvision, model.config); });
    EXPECT_EQ(refusal<UnsupportedError>([&] { model.network->torchvision_code(model.config); }),
              made);
    return made;
  };
  EXPECT_EQ(refusal_with([](RegNetConfig& config) { config.num_channels = 4; }),
            "torchvision's RegNet has 3 input channels, this network has 4; target-timm()");
  EXPECT_EQ(refusal_with([](RegNetConfig& config) { config.hidden_act = Activation::kSilu; }),
            "torchvision's RegNet has ReLU, and its file states no other activation, this network "
            "has silu");
  EXPECT_EQ(refusal_with([](RegNetConfig& config) { config.downsample_in_first_stage = false; }),
            "torchvision's RegNet has a stride in the first stage, this network has none there");
}

TEST(RegNetFamilyTest, KeepsTheActivationWhereArgumentsStateNone) {
  RegNetConfig config = config_of("regnetx_002");
  config.hidden_act = Activation::kSilu;
  Model shown = model_of(config);
  take_model_args(R"({"drop_rate": 0.1})", shown, "args");
  EXPECT_EQ(shown.network->transformers_config(shown.config), to_config_json(config));
}

TEST(RegNetFamilyTest, TakesFromTransformersConfigWhatTensorsDoNotShow) {
  RegNetConfig config = config_of("regnetx_002");
  Model shown = model_of(config);
  config.hidden_act = Activation::kGelu;
  config.downsample_in_first_stage = false;
  take_statements(model_of(config), shown, "c.json");
  EXPECT_EQ(shown.network->transformers_config(shown.config), to_config_json(config));
}

TEST(RegNetFamilyTest, ComparesTheGroupsThatAConfigStates) {
  RegNetConfig config = config_of("regnetx_002");
  config.depths = {1, 1};
  config.hidden_sizes = {64, 128};
  config.groups_width = 100;  // one group in each stage
  Model stated = model_of(config);
  config.groups_width = 128;  // what tensors show
  Model shown = model_of(config);
  take_statements(stated, shown, "c.json");
  EXPECT_THAT(shown.network->transformers_config(shown.config), HasSubstr("\"groups_width\": 100"));
  config.groups_width = 64;
  stated = model_of(config);
  EXPECT_EQ(refusal<MismatchError>([&] { take_statements(stated, shown, "c.json"); }),
            "c.json: groups_width is 64, but the tensors have 128");
}

TEST(RegNetFamilyTest, DescribesTheNetwork) {
  const Model model = model_of(RegNetConfig());
  const Family& family = model.network->family();
  EXPECT_EQ(model.network->describe(),
            "Y blocks [2, 6, 12, 2], channels [128, 192, 512, 1088], group width 64");
  EXPECT_EQ(
      model.network->sizes_json(),
      R"({"layer_type": "y", "depths": [2, 6, 12, 2], "hidden_sizes": [128, 192, 512, 1088], )"
      R"("embedding_size": 32, "groups_width": 64})");
  EXPECT_EQ(model.network->features(), 1088);
  EXPECT_EQ(family.folder_name("regnety_040"), "regnet-y-040");
  EXPECT_EQ(family.folder_name("regnetx_004_tv"), "regnet-x-004-tv");
  EXPECT_EQ(family.name(), "RegNet");
  EXPECT_THAT((std::vector{family.head(Form::kTimm), family.head(Form::kTransformers),
                           family.head(Form::kTorchvision)}),
              ElementsAre("head.fc", "classifier.1", "fc"));
}

}  // namespace
}  // namespace weightlift
