#include "weightlift/report/convert_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <variant>

#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "weightlift/convert/folder_record.h"
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
          "ignore": ["i*", "j"], "force": true, "if_changed": true, "checksum": true, "to": "timm", "weights_format": "bin",
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

/// Another value of an option than the default.
Json another_value(const std::string& name, const Json& value, const testing::TempDir& dir) {
  static const std::map<std::string, Json> words = {
      {"to", "timm"},   {"weights_format", "bin"},   {"dtype", "float16"},
      {"head", "none"}, {"id2label", "imagenet-1k"}, {"image_processor", "resnet18.tv_in1k"}};
  if (const auto found = words.find(name); found != words.end()) return found->second;
  if (name == "config" || name == "image") {
    testing::write_file(dir / name, "x");
    return name == "config" ? Json((dir / name).string()) : Json::array({(dir / name).string()});
  }
  if (value.is_boolean()) return !value.get<bool>();
  if (value.is_number()) return value.get<int>() + 1;
  return value.is_array() ? Json::array({"x"}) : Json("x");
}

// A new option is a change for if_changed, unless it is listed here.
TEST(ConvertOptionsTest, EachOptionDecidesOnTheFolderOrIsKnownNotTo) {
  const std::set<std::string> without_effect = {"output",   "force",   "if_changed",
                                                "checksum", "dry_run", "fsync",
                                                "threads",  "report",  "push_to_hub"};
  const testing::TempDir dir;
  const auto digest = [](const Json& options) {
    return digest_options(to_request(parse_convert_options(options)), {});
  };
  Json all = options_json(ConvertOptions());
  all["rtol"] = all["atol"] = 0;
  const std::string plain = digest(Json::object());
  for (const auto& [name, value] : all.items()) {
    if (name == "report") continue;  // a file of the program
    Json options = {{name, another_value(name, value, dir)}};
    if (name == "checksum") options["if_changed"] = true;
    EXPECT_EQ(digest(options) == plain, without_effect.contains(name)) << options;
  }
}

TEST(ConvertOptionsTest, ValuesThatAreAbsentAreThoseOfTheDefaults) {
  ConvertOptions defaults;
  defaults.dtype = "float16";
  defaults.request.license = "mit";
  const ConvertOptions parsed =
      parse_convert_options(Json::parse(R"({"license": "apache-2.0", "dtype": null})"), defaults);
  EXPECT_EQ(parsed.dtype, "float16");
  EXPECT_EQ(parsed.request.license, "apache-2.0");
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
  EXPECT_THAT(refused(R"({"checksum": true})"), HasSubstr("checksum: only decides"));
}

}  // namespace
}  // namespace weightlift
