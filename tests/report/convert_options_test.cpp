#include "weightlift/report/convert_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <variant>

#include "tests/support/refusal.h"
#include "weightlift/error.h"

namespace weightlift {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::HasSubstr;
using testing::refusal;
using ::testing::StartsWith;

ConvertOptions parse(const std::string& text) { return parse_convert_options(Json::parse(text)); }

TEST(ConvertOptionsTest, DefaultsAreThoseOfTheProgram) {
  EXPECT_EQ(options_json(parse("{}")), options_json(ConvertOptions()));
  const ConversionRequest request = to_request(parse("{}"));
  EXPECT_TRUE(request.verify);
  EXPECT_EQ(request.to, Form::kTransformers);
  EXPECT_FALSE(request.dtype || request.publish || request.hints.as || request.weights_format);
}

TEST(ConvertOptionsTest, WhatOptionsJsonWritesIsReadBack) {
  Json options = options_json(parse(
      R"({"output": "o", "name": "n", "as": "a", "config": "c", "weights_key": "w", "head_key": "h",
          "ignore": ["i*", "j"], "force": true, "to": "timm", "weights_format": "bin",
          "dtype": "float16", "head": "none", "dry_run": true, "id2label": "l",
          "image_processor": "p", "verify": false, "samples": 3, "seed": 18446744073709551615,
          "threads": 2, "image": ["x.png"], "license": "mit", "base_model": "b", "dataset": "d",
          "fsync": true, "push_to_hub": true, "commit_message": "m", "repo_id": "r",
          "organization": "g", "private": true, "create_pr": true, "revision": "v", "rtol": 0.5,
          "atol": 1})"));
  EXPECT_EQ(options["dataset"], Json({"d"}));
  EXPECT_EQ(options["seed"], 18446744073709551615U);
  options.erase("report");  // a file of the program
  Json again = options_json(parse_convert_options(options));
  again.erase("report");
  EXPECT_EQ(again, options);
}

TEST(ConvertOptionsTest, WordsBecomeTheRequest) {
  const ConversionRequest request = to_request(parse(
      R"({"to": "timm", "head": "none", "dtype": "bfloat16", "weights_format": "safetensors",
          "as": "resnet18", "verify": false, "id2label": "imagenet-1k", "push_to_hub": "me/model"})"));
  EXPECT_EQ(request.to, Form::kTimm);
  EXPECT_EQ(request.head, Head::kNone);
  EXPECT_EQ(request.dtype, DType::BF16);
  EXPECT_EQ(request.weights_format, WeightsFormat::kSafetensors);
  EXPECT_EQ(request.hints.as, "resnet18");
  EXPECT_FALSE(request.verify);
  EXPECT_TRUE(std::holds_alternative<Preset>(request.id2label));
  ASSERT_TRUE(request.publish);
  EXPECT_EQ(request.publish->repo_id, "me/model");
}

TEST(ConvertOptionsTest, NullKeepsTheDefault) {
  EXPECT_EQ(options_json(parse(R"({"name": null, "samples": null, "force": null})")),
            options_json(ConvertOptions()));
}

TEST(ConvertOptionsTest, RefusesUnknownNamesAndWrongTypes) {
  const auto refused = [](const std::string& text) {
    return refusal<UsageError>([&] { parse(text); });
  };
  EXPECT_THAT(refused(R"({"id2labels": "x"})"),
              StartsWith("id2labels: unknown option; did-you-mean(id2label)"));
  EXPECT_THAT(refused(R"({"force": 1})"), HasSubstr("force: expected a boolean, got 1"));
  EXPECT_THAT(refused(R"({"name": ["a"]})"), HasSubstr("name: expected a string, got [\"a\"]"));
  EXPECT_THAT(refused(R"({"samples": 1.5})"),
              HasSubstr("samples: expected an integer in range, got 1.5"));
  EXPECT_THAT(refused(R"({"samples": 9223372036854775808})"), HasSubstr("samples: expected"));
  EXPECT_THAT(refused(R"({"seed": -1})"), HasSubstr("seed: expected an integer >= 0, got -1"));
  EXPECT_THAT(refused(R"({"threads": 4294967296})"), HasSubstr("threads: expected"));
  EXPECT_THAT(refused(R"({"ignore": ["a", 1]})"),
              HasSubstr("ignore: expected a string or an array of strings"));
  EXPECT_THAT(refused(R"({"rtol": "1"})"), HasSubstr("rtol: expected a number, got \"1\""));
  EXPECT_THAT(refused(R"({"to": "onnx"})"),
              HasSubstr("to: expected one of transformers, timm, torchvision, got 'onnx'"));
  EXPECT_THAT(refused(R"({"push_to_hub": 1})"),
              HasSubstr("push_to_hub: expected a boolean, got 1"));
  EXPECT_THAT(refused(R"({"repo_id": "me/model"})"), HasSubstr("push_to_hub: "));
}

}  // namespace
}  // namespace weightlift
