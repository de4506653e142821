#include "weightlift/models/resnet/resnet_config.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "weightlift/base/message.h"
#include "weightlift/models/resnet/resnet.h"

namespace weightlift {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using testing::read_file;
using testing::refusal;

std::string golden(const std::string& name) {
  return read_file(fmt::format("{}/configs/{}.json", WEIGHTLIFT_TEST_DATA, name));
}

ResNetConfig tiny(std::int64_t num_labels = 2) {
  ResNetConfig config;
  config.hidden_sizes = {8};
  config.depths = {1};
  config.num_labels = num_labels;
  return config;
}

ResNetConfig named(const std::vector<std::string>& labels) {
  ResNetConfig config = tiny(static_cast<std::int64_t>(labels.size()));
  for (const std::string& label : labels) {
    config.id2label.emplace_back(config.id2label.size(), label);
  }
  return config;
}

ResNetConfig parse(const std::string& text) { return parse_resnet_config(text, "config.json"); }

std::string malformation_of(const std::string& text) {
  return refusal<FormatError>([&] { parse(text); });
}

/// The refusal of a config with these additional members.
std::string malformation_with(const std::string& members) {
  return malformation_of(fmt::format(R"({{"model_type": "resnet", {}}})", members));
}

/// Compares with a new config of the real transformers: our text equals it, also after reading it.
void expect_golden(const std::string& name, const ResNetConfig& config) {
  EXPECT_EQ(to_config_json(config), golden(name)) << name;
  EXPECT_EQ(to_config_json(parse(golden(name))), golden(name)) << name;
}

TEST(ResNetConfigTest, WritesTheBytesOfTransformers) {
  expect_golden("two_labels", tiny());
  expect_golden("no_labels", tiny(0));
  expect_golden("one_label", tiny(1));
  expect_golden("twelve_labels", tiny(12));
  expect_golden("two_named_labels", named({"cat", "dog"}));
  expect_golden("hard_labels", named({"crane", "Zebra", "\u00e9l\u00e8ve", "crane", "a \"b\" \\ c",
                                      "\U0001f986", "tab\there", "\x7f", "it's", "/"}));
}

TEST(ResNetConfigTest, WritesEveryField) {
  ResNetConfig config = tiny(3);
  config.hidden_sizes = {4, 5, 6, 7, 8, 9};
  config.depths = {1, 2, 1, 1, 2, 1};
  config.layer_type = LayerType::kBasic;
  expect_golden("six_stages", config);
  config = tiny(3);
  config.num_channels = 4;
  config.embedding_size = 16;
  config.hidden_act = Activation::kSilu;
  config.downsample_in_first_stage = true;
  config.downsample_in_bottleneck = true;
  expect_golden("every_switch", config);
  config = tiny(3);
  config.head = Head::kNone;
  expect_golden("backbone", config);
}

TEST(ResNetConfigTest, WritesEveryDtype) {
  for (const DType dtype : {DType::F16, DType::BF16, DType::F64}) {
    ResNetConfig config = tiny();
    config.dtype = dtype;
    expect_golden(std::string(torch_name(dtype)), config);
  }
}

TEST(ResNetConfigTest, ReadsTheFormsOfOlderVersions) {
  for (const char* name : {"published_2022", "version_4_35", "version_4_57", "name_or_path", "half",
                           "both_dtypes", "strings_sorted", "other_num_labels", "null_labels"}) {
    const std::string in = golden(fmt::format("{}.in", name));
    EXPECT_EQ(to_config_json(parse(in)), golden(fmt::format("{}.out", name))) << name;
  }
}

TEST(ResNetConfigTest, HasTheDefaultsOfTheClass) {
  const ResNetConfig config = parse(R"({"model_type": "resnet"})");
  EXPECT_EQ(config.num_channels, 3);
  EXPECT_EQ(config.embedding_size, 64);
  EXPECT_THAT(config.hidden_sizes, ElementsAre(256, 512, 1024, 2048));
  EXPECT_THAT(config.depths, ElementsAre(3, 4, 6, 3));
  EXPECT_EQ(config.layer_type, LayerType::kBottleneck);
  EXPECT_EQ(config.hidden_act, Activation::kRelu);
  EXPECT_FALSE(config.downsample_in_first_stage);
  EXPECT_FALSE(config.downsample_in_bottleneck);
  EXPECT_EQ(config.num_labels, 2);
  EXPECT_EQ(config.label(1), "LABEL_1");
  EXPECT_EQ(config.dtype, DType::F32);
  EXPECT_EQ(config.head, Head::kClassifier);
}

TEST(ResNetConfigTest, KeepsTheProblemType) {
  const ResNetConfig config =
      parse(R"({"model_type": "resnet", "problem_type": "multi_label_classification"})");
  EXPECT_EQ(config.problem_type, ProblemType::kMultiLabel);
  EXPECT_THAT(to_config_json(config),
              HasSubstr("  \"problem_type\": \"multi_label_classification\","
                        "\n  \"stage_names\": ["));
  EXPECT_EQ(parse(R"({"model_type": "resnet", "problem_type": null})").problem_type,
            ProblemType::kUnstated);
}

TEST(ResNetConfigTest, AcceptsGapsInLabels) {
  const ResNetConfig config =
      parse(R"({"model_type": "resnet", "id2label": {"10": "c", "0": "a", "2": "b"}})");
  EXPECT_EQ(config.num_labels, 3);
  EXPECT_THAT(config.id2label, ElementsAre(Pair(0, "a"), Pair(2, "b"), Pair(10, "c")));
  EXPECT_EQ(config.label(2), "b");
  EXPECT_EQ(config.label(1), "LABEL_1");
}

TEST(ResNetConfigTest, KnowsWhetherTheClassesHaveNames) {
  ResNetConfig config;
  EXPECT_FALSE(config.has_labels());
  config.id2label = {{0, "LABEL_0"}, {1, "LABEL_1"}};
  EXPECT_FALSE(config.has_labels());
  config.id2label = {{0, "LABEL_0"}, {1, "LABEL_0"}};
  EXPECT_TRUE(config.has_labels());
  config.id2label = {{7, "cat"}};  // an id with no logit
  EXPECT_TRUE(config.has_labels());
}

TEST(ResNetConfigTest, NumLabelsOverridesLabels) {
  const ResNetConfig config =
      parse(R"({"model_type": "resnet", "num_labels": 5, "id2label": {"0": "a", "1": "b"}})");
  EXPECT_EQ(config.num_labels, 5);
  EXPECT_THAT(config.id2label, IsEmpty());
}

TEST(ResNetConfigTest, ReadsEveryActivation) {
  const std::vector<std::pair<std::string, Activation>> names = {
      {"relu", Activation::kRelu},
      {"relu6", Activation::kRelu6},
      {"silu", Activation::kSilu},
      {"swish", Activation::kSilu},
      {"gelu", Activation::kGelu},
      {"gelu_pytorch_tanh", Activation::kGeluTanh},
      {"mish", Activation::kMish},
      {"hardswish", Activation::kHardswish},
      {"leaky_relu", Activation::kLeakyRelu},
      {"tanh", Activation::kTanh},
      {"sigmoid", Activation::kSigmoid},
      {"linear", Activation::kLinear}};
  for (const auto& [name, activation] : names) {
    const std::string text = fmt::format(R"({{"model_type": "resnet", "hidden_act": "{}"}})", name);
    EXPECT_EQ(parse(text).hidden_act, activation) << name;
  }
  for (const char* name : {"", "Relu", "gelu_new", "prelu", "\\u001b[2J"}) {
    const std::string text = fmt::format(R"({{"model_type": "resnet", "hidden_act": "{}"}})", name);
    EXPECT_THAT(refusal<UnsupportedError>([&] { parse(text); }),
                HasSubstr("config.json: unsupported hidden_act '"))
        << name;
  }
}

TEST(ResNetConfigTest, RefusesTheValuesThatTransformersRefuses) {
  struct Case {
    const char* members;
    const char* message;
  };
  for (const auto& [members, message] : std::initializer_list<Case>{
           {R"("num_channels": 3.0)", "num_channels: expected an integer from 0 to 10^9, got 3.0"},
           {R"("num_channels": "3")",
            "num_channels: expected an integer from 0 to 10^9, got \"3\""},
           {R"("num_channels": true)", "num_channels: expected an integer"},
           {R"("embedding_size": null)",
            "embedding_size: expected a value other than null, got null"},
           {R"("downsample_in_bottleneck": 1)",
            "downsample_in_bottleneck: expected true or false, got 1"},
           {R"("downsample_in_first_stage": null)", "downsample_in_first_stage: expected a value"},
           {R"("hidden_act": null)", "hidden_act: expected a value other than null, got null"},
           {R"("depths": null)", "depths: expected a value other than null, got null"},
           {R"("depths": 3)", "depths: expected a list of 1 to 64 integers from 1 to 10000, got 3"},
           {R"("depths": [3, 4.0, 6, 3])", "depths: expected a list of 1 to 64 integers"},
           {R"("layer_type": "wide")", "layer_type: expected basic or bottleneck, got \"wide\""},
           {R"("problem_type": "several")",
            "problem_type: expected regression, single_label_classification or "
            "multi_label_classification, got \"several\""},
           {R"("id2label": ["a"])", "id2label: expected an object, got [\"a\"]"},
           {R"("id2label": {"a": "b"})",
            "id2label: expected a label for each class id, got a: \"b\""},
           {R"("dtype": "torch.float16")", "dtype: expected float32, float16, bfloat16 or float64"},
       }) {
    EXPECT_THAT(malformation_with(members), AllOf(HasSubstr("config.json: "), HasSubstr(message)))
        << members;
  }
}

TEST(ResNetConfigTest, RefusesImpossibleValues) {
  struct Case {
    const char* members;
    const char* message;
  };
  for (const auto& [members, message] : std::initializer_list<Case>{
           {R"("num_channels": 0)", "num_channels: expected 1 to 1048576, got 0"},
           {R"("embedding_size": 2000000)", "embedding_size: expected 1 to 1048576, got 2000000"},
           {R"("depths": [])", "depths: expected a list of 1 to 64 integers"},
           {R"("depths": [1, 1, 1, 0])", "depths: expected a list of 1 to 64 integers"},
           {R"("depths": [1, 1, 1, 1000000])", "depths: expected a list of 1 to 64 integers"},
           {R"("hidden_sizes": [1, 2])", "hidden_sizes"},
           {R"("hidden_sizes": [8, 8, 8])", "depths: expected 3 values, as in hidden_sizes, got 4"},
           {R"("hidden_sizes": [8, 8, 8, 3])",
            "hidden_sizes: expected at least 4 in a bottleneck network, got 3"},
           {R"("id2label": {"0": 5})", "id2label: expected a label for each class id, got 0: 5"},
           {R"("id2label": {"-1": "a"})", "expected a label for each class id, got -1: \"a\""},
           {R"("id2label": {"-0": "a"})", "expected a label for each class id, got -0: \"a\""},
           {R"("id2label": {"0": "a", "00": "b"})", "each class id, got 00: \"b\""},
           {R"("architectures": ["BertModel"])", "architectures: expected"},
           {R"("architectures": [])", "architectures: expected"},
       }) {
    EXPECT_THAT(malformation_with(members), AllOf(HasSubstr("config.json: "), HasSubstr(message)))
        << members;
  }
}

TEST(ResNetConfigTest, RefusesOtherModels) {
  EXPECT_EQ(refusal<UnsupportedError>([] { parse(R"({"model_type": "bert"})"); }),
            "config.json: expected the model_type 'resnet', got 'bert'");
  const char* const missing = "config.json: not a transformers config: 'model_type' is missing";
  EXPECT_EQ(malformation_of("{}"), missing);
  EXPECT_EQ(malformation_of("[]"), missing);
}

TEST(ResNetConfigTest, DistinguishesTheTwoForms) {
  EXPECT_TRUE(is_transformers_config(R"({"model_type": "resnet"})", "c"));
  EXPECT_FALSE(is_transformers_config(R"({"architecture": "resnet50"})", "c"));
  // transformers' TimmWrapper saves a timm checkpoint.
  EXPECT_FALSE(
      is_transformers_config(R"({"model_type": "timm_wrapper", "architecture": "resnet50"})", "c"));
}

TEST(ResNetConfigTest, RefusesSizesOfNoNetwork) {
  const auto refusal_with = [](const std::function<void(ResNetConfig&)>& change) {
    ResNetConfig config;
    change(config);
    const std::string hf = refusal<UsageError>([&] { make_hf_resnet(config); });
    EXPECT_EQ(refusal<UsageError>([&] { make_timm_resnet(config); }), hf);
    return hf;
  };
  EXPECT_EQ(refusal_with([](ResNetConfig& config) { config.hidden_sizes.pop_back(); }),
            "depths: expected one value per hidden size, got 4 and 3");
  EXPECT_EQ(refusal_with([](ResNetConfig& config) { config.depths = config.hidden_sizes = {}; }),
            "depths: expected one value per hidden size, got 0 and 0");
  const char* const reason =
      "config: expected positive sizes, and 4 channels or more in a bottleneck";
  EXPECT_EQ(refusal_with([](ResNetConfig& config) { config.depths[1] = 0; }), reason);
  EXPECT_EQ(refusal_with([](ResNetConfig& config) { config.hidden_sizes[0] = 3; }), reason);
  EXPECT_EQ(refusal_with([](ResNetConfig& config) { config.num_labels = -1; }), reason);
  EXPECT_EQ(refusal_with([](ResNetConfig& config) { config.embedding_size = 0; }), reason);
}

}  // namespace
}  // namespace weightlift
