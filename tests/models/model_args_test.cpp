#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/network_of.h"
#include "tests/support/refusal.h"
#include "weightlift/base/message.h"
#include "weightlift/models/timm_config.h"

namespace weightlift {
namespace {

using ::testing::AnyOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::refusal;
using ::testing::StartsWith;

TimmConfig parse_with(std::string_view key, std::string_view value) {
  return parse_timm_config(
      fmt::format(R"({{"architecture": "resnet50", "model_args": {{"{}": {}}}}})", key, value),
      "c.json");
}

struct Argument {
  const char* key;
  const char* value;  // as JSON
};

std::string name_of(const ::testing::TestParamInfo<Argument>& info) {
  return fmt::format("{}_{}", info.param.key, info.index);
}

class HarmlessModelArgsTest : public ::testing::TestWithParam<Argument> {};

TEST_P(HarmlessModelArgsTest, IsAccepted) {
  EXPECT_EQ(parse_with(GetParam().key, GetParam().value).architecture, "resnet50");
}

INSTANTIATE_TEST_SUITE_P(
    All, HarmlessModelArgsTest,
    ::testing::Values(Argument{"stem_width", "64"}, Argument{"stem_width", "32"},
                      Argument{"drop_rate", "0.5"}, Argument{"drop_path_rate", "0.1"},
                      Argument{"drop_block_rate", "0.0"}, Argument{"zero_init_last", "false"},
                      Argument{"zero_init_last", "true"}, Argument{"device", "null"},
                      Argument{"device", "\"cpu\""}, Argument{"dtype", "null"},
                      Argument{"stem_type", "\"\""}, Argument{"replace_stem_pool", "false"},
                      Argument{"avg_down", "false"}, Argument{"block_args", "null"},
                      Argument{"block_args", "{}"}, Argument{"norm_layer", "\"batchnorm2d\""},
                      Argument{"norm_layer", "null"}, Argument{"cardinality", "1"},
                      Argument{"base_width", "64"}, Argument{"block_reduce_first", "1"},
                      Argument{"down_kernel_size", "1"}, Argument{"act_layer", "\"relu\""},
                      Argument{"act_layer", "null"}, Argument{"output_stride", "32"},
                      Argument{"aa_layer", "null"}, Argument{"aa_layer", "\"\""},
                      Argument{"global_pool", "\"avg\""}, Argument{"global_pool", "\"fast\""},
                      Argument{"global_pool", "\"fastavg\""}),
    name_of);

class RefusedModelArgsTest : public ::testing::TestWithParam<Argument> {};

TEST_P(RefusedModelArgsTest, IsRefusedWithItsValue) {
  const char* key = GetParam().key;
  const char* value = GetParam().value;
  const std::string message = refusal<UnsupportedError>([&] { parse_with(key, value); });
  EXPECT_THAT(message, StartsWith(fmt::format("c.json: model_args.{}: ", key)));
  const std::string got = fmt::format(", got {}", value);
  EXPECT_THAT(message, AnyOf(EndsWith(got), HasSubstr(got + "; ")));  // with a reason
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusedModelArgsTest,
    ::testing::Values(Argument{"act_layer", "\"silu\""}, Argument{"act_layer", "\"gelu\""},
                      Argument{"output_stride", "16"}, Argument{"output_stride", "8"},
                      Argument{"aa_layer", "\"blurpool\""}, Argument{"aa_layer", "\"avg\""},
                      Argument{"global_pool", "\"max\""}, Argument{"global_pool", "\"avgmax\""},
                      Argument{"global_pool", "\"catavgmax\""},
                      Argument{"global_pool", "\"fastmax\""}, Argument{"global_pool", "\"\""},
                      Argument{"stem_type", "\"deep\""}, Argument{"stem_type", "\"deep_tiered\""},
                      Argument{"replace_stem_pool", "true"}, Argument{"avg_down", "true"},
                      Argument{"block_args", R"({"attn_layer":"se"})"},
                      Argument{"norm_layer", "\"groupnorm\""}, Argument{"cardinality", "32"},
                      Argument{"base_width", "128"}, Argument{"block_reduce_first", "2"},
                      Argument{"down_kernel_size", "3"}, Argument{"cardinality", "true"},
                      Argument{"avg_down", "0"}, Argument{"output_stride", "32.0"},
                      Argument{"block", "\"Bottleneck\""}, Argument{"some_future_argument", "1"},
                      Argument{"act_Layer", "\"relu\""}),
    name_of);

std::string message_for(const char* key, const char* value) {
  return refusal<UnsupportedError>([&] { parse_with(key, value); });
}

TEST(ModelArgsTest, ListsTheSupportedValues) {
  EXPECT_THAT(message_for("act_layer", "\"silu\""),
              HasSubstr("model_args.act_layer: expected null or \"relu\", got \"silu\""));
  EXPECT_THAT(message_for("global_pool", "\"max\""),
              HasSubstr("expected \"avg\" or \"fast\" or \"fastavg\", got \"max\""));
  EXPECT_THAT(message_for("output_stride", "16"), HasSubstr("expected 32, got 16"));
  EXPECT_EQ(message_for("novelty", "1"), "c.json: model_args.novelty: unsupported argument, got 1");
}

TEST(ModelArgsTest, PrintsHostileKeysAndValuesOnOneLine) {
  const std::string value = "\"" + std::string(10'000, 'x') + "\"";
  const std::string message = message_for("a\\u001b[2J\\n", value.c_str());
  EXPECT_THAT(message, HasSubstr("model_args.a\\x1b[2J\\x0a: unsupported"));
  EXPECT_LT(message.size(), 300U);
}

TEST(ModelArgsTest, ComparesThoseOfATrainingCheckpoint) {
  ResNetConfig config;
  config.depths = {1, 2, 1, 1};
  config.hidden_sizes = {32, 48, 64, 80};
  config.layer_type = LayerType::kBasic;
  config.num_labels = 5;
  const auto message = [&](std::string_view json) {
    Model shown{testing::network_of(config), config};
    return refusal<Error>([&] { take_model_args(json, shown, "w"); });
  };
  EXPECT_EQ(message(R"({"act_layer": "relu", "drop_rate": 0.1, "layers": [1, 2, 1, 1]})"),
            "accepted");
  EXPECT_EQ(message(R"({"output_stride": 16})"),
            "w: args.model_kwargs.output_stride: expected 32, got 16; smaller ones dilate "
            "convolutions");
  EXPECT_EQ(message(R"({"bn_eps": 0.01})"),
            "w: args.model_kwargs.bn_eps: unsupported argument, got 0.01");
  EXPECT_EQ(
      message(R"({"channels": [32, 48, 64, 96]})"),
      "w: channels per stage: expected [32, 48, 64, 96], got [32, 48, 64, 80] in the tensors");
  EXPECT_EQ(message(R"({"num_classes": 10})"),
            "w: classes (num_classes): expected 10, got 5 in the tensors");
  EXPECT_EQ(message(R"({"in_chans": 1})"),
            "w: input channels (in_chans): expected 1, got 3 in the tensors");
}

TEST(ModelArgsTest, AcceptsNull) {
  EXPECT_EQ(
      parse_timm_config(R"({"architecture": "resnet18", "model_args": null})", "c").model_args,
      "{}");
}

TEST(ModelArgsTest, RefusesAList) {
  EXPECT_EQ(refusal<FormatError>([] {
              parse_timm_config(R"({"architecture": "resnet18", "model_args": [1]})", "c.json");
            }),
            "c.json: model_args: expected an object, got [1]");
}

}  // namespace
}  // namespace weightlift
