#include "weightlift/models/regnet/regnet_config.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "weightlift/base/message.h"
#include "weightlift/models/regnet/regnet.h"

namespace weightlift {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::read_file;
using testing::refusal;

std::string golden(const std::string& name) {
  return read_file(fmt::format("{}/configs/{}.json", WEIGHTLIFT_TEST_DATA, name));
}

RegNetConfig parse(const std::string& text) { return parse_regnet_config(text, "config.json"); }

std::string malformation_with(const std::string& members) {
  return refusal<FormatError>(
      [&] { parse(fmt::format(R"({{"model_type": "regnet", {}}})", members)); });
}

/// Compares with a new config of the real transformers: our text equals it, also after reading it.
void expect_golden(const std::string& name, const RegNetConfig& config) {
  EXPECT_EQ(to_config_json(config), golden(name)) << name;
  EXPECT_EQ(to_config_json(parse(golden(name))), golden(name)) << name;
}

RegNetConfig tiny(std::int64_t num_labels) {
  RegNetConfig config;
  config.hidden_sizes = {8};
  config.depths = {1};
  config.num_labels = num_labels;
  return config;
}

TEST(RegNetConfigTest, WritesTheBytesOfTransformers) {
  expect_golden("regnet", RegNetConfig());
  expect_golden("regnet_no_labels", tiny(0));
  RegNetConfig config;
  config.layer_type = RegNetType::kX;
  config.hidden_sizes = {8, 16};
  config.depths = {1, 2};
  config.groups_width = 8;
  config.num_labels = 3;
  expect_golden("regnet_x", config);
  config = tiny(3);
  config.head = Head::kNone;
  expect_golden("regnet_backbone", config);
}

TEST(RegNetConfigTest, WritesEveryField) {
  RegNetConfig config;
  config.hidden_sizes = {24};
  config.depths = {2};
  config.groups_width = 12;
  config.num_channels = 4;
  config.embedding_size = 16;
  config.hidden_act = Activation::kSilu;
  config.downsample_in_first_stage = false;
  config.dtype = DType::BF16;
  config.problem_type = ProblemType::kMultiLabel;
  for (const char* label : {"crane", "Zebra", "\u00e9l\u00e8ve", "crane", "a \"b\" \\ c",
                            "\U0001f986", "tab\there", "\x7f", "it's", "/"}) {
    config.id2label.emplace_back(config.id2label.size(), label);
  }
  config.num_labels = 10;
  expect_golden("regnet_every_switch", config);
}

TEST(RegNetConfigTest, ReadsTheFormsOfOlderVersions) {
  for (const char* name : {"regnet_published_2022", "regnet_version_4_35"}) {
    const std::string in = golden(fmt::format("{}.in", name));
    EXPECT_EQ(to_config_json(parse(in)), golden(fmt::format("{}.out", name))) << name;
  }
}

TEST(RegNetConfigTest, HasTheDefaultsOfTheClass) {
  const RegNetConfig config = parse(R"({"model_type": "regnet"})");
  EXPECT_EQ(config.num_channels, 3);
  EXPECT_EQ(config.embedding_size, 32);
  EXPECT_THAT(config.hidden_sizes, ElementsAre(128, 192, 512, 1088));
  EXPECT_THAT(config.depths, ElementsAre(2, 6, 12, 2));
  EXPECT_EQ(config.groups_width, 64);
  EXPECT_EQ(config.layer_type, RegNetType::kY);
  EXPECT_EQ(config.hidden_act, Activation::kRelu);
  EXPECT_TRUE(config.downsample_in_first_stage);
}

TEST(RegNetConfigTest, RefusesWhatTransformersRefuses) {
  struct Case {
    const char* members;
    const char* message;
  };
  for (const auto& [members, message] : std::initializer_list<Case>{
           {R"("layer_type": "z")", "layer_type: expected x or y, got \"z\""},
           {R"("groups_width": 0)", "groups_width: expected 1 to 1048576, got 0"},
           {R"("groups_width": -8)", "groups_width: expected"},
           {R"("groups_width": 8.0)", "groups_width: expected an integer"},
           {R"("groups_width": null)", "groups_width: expected a value other than null"},
           {R"("groups_width": 9223372036854775807)", "groups_width: expected"},
           {R"("embedding_size": null)", "embedding_size: expected a value other than null"},
           {R"("depths": [])", "depths: expected a list of 1 to 64 integers"},
           {R"("depths": [1, 1, 1, 0])", "depths: expected a list of 1 to 64 integers"},
           {R"("depths": [10000, 1, 1, 1])", "depths: expected at most 10000 blocks"},
           {R"("hidden_sizes": [8, 8, 8])", "depths: expected 3 values, as in hidden_sizes, got 4"},
           {R"("hidden_sizes": [640, 1696, 2544, 5088], "groups_width": 640)",
            "hidden_sizes: 5088 channels are not divisible into the 7 groups of groups_width 640"},
           {R"("embedding_size": 2)",
            "embedding_size: expected at least 3 channels before squeeze-and-excitation, got 2"},
           {R"("hidden_sizes": [2, 8, 8, 8])",
            "hidden_sizes: expected at least 3 channels before squeeze-and-excitation, got 2"},
           {R"("downsample_in_first_stage": 1)", "downsample_in_first_stage: expected true or"},
           {R"("architectures": ["ResNetForImageClassification"])",
            "architectures: expected [\"RegNetForImageClassification\"] or [\"RegNetModel\"]"},
       }) {
    EXPECT_THAT(malformation_with(members), AllOf(HasSubstr("config.json: "), HasSubstr(message)))
        << members;
  }
  // The last stage's channels are no block's input where it has one block.
  EXPECT_EQ(malformation_with(R"("hidden_sizes": [8, 2], "depths": [2, 1])"), "accepted");
  EXPECT_EQ(malformation_with(R"("hidden_sizes": [2, 1], "depths": [2, 1], "layer_type": "x")"),
            "accepted");
}

TEST(RegNetConfigTest, RefusesOtherModels) {
  EXPECT_EQ(refusal<UnsupportedError>([] { parse(R"({"model_type": "resnet"})"); }),
            "config.json: expected the model_type 'regnet', got 'resnet'");
  EXPECT_THAT(refusal<UnsupportedError>(
                  [] { parse(R"({"model_type": "regnet", "hidden_act": "gelu_new"})"); }),
              HasSubstr("config.json: unsupported hidden_act 'gelu_new'"));
}

TEST(RegNetConfigTest, RoundsTheSqueezedChannelsHalfToEven) {
  std::vector<std::int64_t> squeezed;
  for (std::int64_t in = 1; in <= 18; ++in) squeezed.push_back(regnet_squeezed_channels(in));
  // [int(round(n / 4)) for n in range(1, 19)]
  EXPECT_THAT(squeezed, ElementsAre(0, 0, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 4, 4, 4, 4, 4));
}

TEST(RegNetConfigTest, CountsTheGroups) {
  RegNetConfig config;
  config.groups_width = 120;
  EXPECT_EQ(regnet_groups(config, 80), 1);
  EXPECT_EQ(regnet_groups(config, 120), 1);
  EXPECT_EQ(regnet_groups(config, 720), 6);
}

TEST(RegNetConfigTest, RefusesSizesOfNoNetwork) {
  const auto refusal_with = [](const std::function<void(RegNetConfig&)>& change) {
    RegNetConfig config;
    change(config);
    const std::string hf = refusal<UsageError>([&] { make_hf_regnet(config); });
    EXPECT_EQ(refusal<UsageError>([&] { make_timm_regnet(config); }), hf);
    EXPECT_EQ(refusal<UsageError>([&] { make_torchvision_regnet(config); }), hf);
    return hf;
  };
  EXPECT_EQ(refusal_with([](RegNetConfig& config) { config.hidden_sizes.pop_back(); }),
            "depths: expected 3 values, as in hidden_sizes, got 4");
  EXPECT_EQ(refusal_with([](RegNetConfig& config) { config.depths = config.hidden_sizes = {}; }),
            "depths: expected 0 values, as in hidden_sizes, got 0");
  const char* const reason = "config: expected positive sizes";
  EXPECT_EQ(refusal_with([](RegNetConfig& config) { config.depths[1] = 0; }), reason);
  EXPECT_EQ(refusal_with([](RegNetConfig& config) { config.groups_width = 0; }), reason);
  EXPECT_EQ(refusal_with([](RegNetConfig& config) { config.num_labels = -1; }), reason);
  EXPECT_EQ(refusal_with([](RegNetConfig& config) { config.embedding_size = 0; }), reason);
  EXPECT_EQ(refusal_with([](RegNetConfig& config) { config.groups_width = 150; }),
            "hidden_sizes: 512 channels are not divisible into the 3 groups of groups_width 150");
  EXPECT_EQ(refusal_with([](RegNetConfig& config) { config.depths[2] = std::int64_t{1} << 62; }),
            "depths: expected at most 10000 blocks in at most 64 stages");
}

}  // namespace
}  // namespace weightlift
