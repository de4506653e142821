#include "weightlift/models/timm_config.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/refusal.h"
#include "weightlift/base/message.h"

namespace weightlift {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::refusal;

TimmConfig parse(const std::string& text) { return parse_timm_config(text, "config.json"); }

std::string refusal_of(const std::string& text) {
  return refusal<UnsupportedError>([&] { parse(text); });
}

std::string malformation_of(const std::string& text) {
  return refusal<FormatError>([&] { parse(text); });
}

TimmConfig parse_architecture(const std::string& name) {
  return parse(fmt::format(R"({{"architecture": "{}"}})", name));
}

std::string refusal_of_architecture(const std::string& name) {
  return refusal<UnsupportedError>([&] { parse_architecture(name); });
}

TEST(TimmConfigTest, ReadsEveryPlainArchitecture) {
  for (const char* name :
       {"resnet18", "resnet26", "resnet34", "resnet50", "resnet101", "resnet152", "resnet200"}) {
    EXPECT_EQ(parse_architecture(name).architecture, name);
  }
}

TEST(TimmConfigTest, ResolvesOldNames) {
  EXPECT_EQ(parse_architecture("tv_resnet34").architecture, "resnet34");
  EXPECT_EQ(parse_architecture("gluon_resnet152_v1b").architecture, "resnet152");
  EXPECT_EQ(parse_architecture("ssl_resnet18").architecture, "resnet18");
  EXPECT_EQ(parse_architecture("swsl_resnet50").architecture, "resnet50");
}

TEST(TimmConfigTest, ReadsATagInTheArchitectureAsTheClaimedTag) {
  const TimmConfig config = parse_architecture("resnet18.fb_ssl_yfcc100m_ft_in1k");
  EXPECT_EQ(config.architecture, "resnet18");
  EXPECT_EQ(config.pretrained_cfg.tag, "fb_ssl_yfcc100m_ft_in1k");
}

TEST(TimmConfigTest, RefusesOtherArchitecturesWithTheReason) {
  struct Other {
    const char* name;
    const char* reason;
  };
  for (const auto& [name, reason] : std::initializer_list<Other>{
           {"resnet50d", "deep stem"},
           {"resnetaa50", "anti-aliased"},
           {"resnetblur18", "blur"},
           {"resnetblur50", "blur"},
           {"resnext50_32x4d", "grouped convolutions"},
           {"wide_resnet50_2", "wide bottlenecks"},
           {"seresnet50", "squeeze-and-excitation"},
           {"ecaresnet26t", "efficient channel attention"},
           {"resnet50_gn", "group norm"},
           {"resnetv2_50", "ResNetV2"},
       }) {
    EXPECT_THAT(refusal_of_architecture(name),
                AllOf(HasSubstr(fmt::format("config.json: unsupported architecture '{}': ", name)),
                      HasSubstr(reason)))
        << name;
  }
}

TEST(TimmConfigTest, RefusesUnknownArchitecturesByName) {
  EXPECT_EQ(refusal_of_architecture("vit_base_patch16_224"),
            "config.json: unsupported architecture 'vit_base_patch16_224': a VisionTransformer");
  EXPECT_EQ(refusal_of_architecture("resnet51"),
            "config.json: unsupported architecture 'resnet51', which timm does not have either; "
            "list-models()");
  EXPECT_THAT(refusal_of_architecture("ResNet50"), HasSubstr("architecture 'ResNet50'"));
  EXPECT_THAT(refusal_of_architecture("a\\nb\\u001b[31m"),
              HasSubstr("architecture 'a\\x0ab\\x1b[31m'"));
}

TEST(TimmConfigTest, RefusesOtherConfigs) {
  EXPECT_EQ(malformation_of("{}"),
            "config.json: neither a timm config nor a transformers config: 'architecture' and "
            "'model_type' are missing (PyTorchModelHubMixin writes such files); advice(convert the "
            "weights file itself)");
  EXPECT_THAT(malformation_of("[]"), HasSubstr("config.json: config: expected an object, got []"));
  EXPECT_THAT(malformation_of(""), HasSubstr("config.json: invalid JSON: the file is empty"));
  EXPECT_THAT(malformation_of("{\"architecture\": "),
              HasSubstr("config.json: invalid JSON at byte"));
  EXPECT_THAT(malformation_of(R"({"architecture": 5})"),
              HasSubstr("architecture: expected a string, got 5"));
}

TEST(TimmConfigTest, ReadsTheModelArgs) {
  const TimmConfig config = parse(R"({"architecture": "resnet18", "num_classes": 7, "model_args": {
      "layers": [1, 2, 3, 4], "channels": [8, 16, 24, 32], "in_chans": 1, "num_classes": 7}})");
  EXPECT_EQ(config.model_args, R"({"layers": [1, 2, 3, 4], "channels": [8, 16, 24, 32]})");
  EXPECT_EQ(config.in_chans, 1);
  EXPECT_EQ(config.num_classes, 7);
}

TEST(TimmConfigTest, ReadsThePretrainedCfg) {
  const TimmConfig config = parse(R"({"architecture": "resnet34", "pretrained_cfg": {
      "tag": "bt_in1k", "input_size": [3, 224, 224], "test_input_size": [3, 288, 288],
      "interpolation": "bicubic", "crop_pct": 0.875, "test_crop_pct": 1, "crop_mode": "center",
      "mean": [0.5, 0.5, 1], "std": [0.25], "num_classes": 1000, "license": "apache-2.0",
      "origin_url": "https://example.org", "paper_ids": ["arXiv:1", "arXiv:2"]}})");
  const PretrainedClaims& claims = config.pretrained_cfg;
  EXPECT_EQ(claims.tag, "bt_in1k");
  EXPECT_THAT(claims.input_size, ElementsAre(3, 224, 224));
  EXPECT_THAT(claims.test_input_size, ElementsAre(3, 288, 288));
  EXPECT_EQ(claims.interpolation, "bicubic");
  EXPECT_EQ(*claims.crop_pct, (Number{0.875, false}));
  EXPECT_EQ(*claims.test_crop_pct, (Number{1, true}));
  EXPECT_EQ(claims.crop_mode, "center");
  EXPECT_THAT(claims.mean, ElementsAre(Number{0.5}, Number{0.5}, Number{1, true}));
  EXPECT_THAT(claims.std, ElementsAre(Number{0.25}));
  EXPECT_EQ(claims.license, "apache-2.0");
  EXPECT_EQ(claims.origin_url, "https://example.org");
  EXPECT_THAT(claims.paper_ids, ElementsAre("arXiv:1", "arXiv:2"));
  EXPECT_EQ(config.num_classes, 1000);
  EXPECT_EQ(config.in_chans, 3);
}

TEST(TimmConfigTest, ReadsTheOldFlatForm) {
  const TimmConfig config = parse(R"({"architecture": "resnet18", "num_classes": 3,
      "labels": ["a", "b", "c"], "input_size": [1, 64, 64], "interpolation": "bilinear",
      "mean": [0.1307], "std": [0.3081], "crop_pct": 1.0, "tag": "mine"})");
  EXPECT_EQ(config.in_chans, 1);
  EXPECT_EQ(config.num_classes, 3);
  EXPECT_EQ(config.pretrained_cfg.tag, "mine");
  EXPECT_EQ(config.pretrained_cfg.interpolation, "bilinear");
  EXPECT_THAT(config.labels, ElementsAre("a", "b", "c"));
}

TEST(TimmConfigTest, PrefersTheClassesOfModelArgsThenOfTheTopLevel) {
  EXPECT_EQ(
      parse(R"({"architecture": "resnet18", "pretrained_cfg": {"num_classes": 5}})").num_classes,
      5);
  EXPECT_EQ(
      parse(
          R"({"architecture": "resnet18", "num_classes": 4, "pretrained_cfg": {"num_classes": 5}})")
          .num_classes,
      4);
  EXPECT_EQ(parse(R"({"architecture": "resnet18", "model_args": {"num_classes": 3},
                      "pretrained_cfg": {"num_classes": 5}})")
                .num_classes,
            3);
}

TEST(TimmConfigTest, RefusesDifferentClassesInModelArgsAndTopLevel) {
  EXPECT_EQ(
      refusal<MismatchError>([] {
        parse(
            R"({"architecture": "resnet18", "num_classes": 4, "model_args": {"num_classes": 3}})");
      }),
      "config.json: num_classes is 3 in model_args and 4 at the top level, so timm would drop fc");
}

TEST(TimmConfigTest, PrefersTheChannelsOfModelArgs) {
  EXPECT_EQ(parse(R"({"architecture": "resnet18", "model_args": {"in_chans": 2},
                      "pretrained_cfg": {"input_size": [3, 8, 8]}})")
                .in_chans,
            2);
}

TEST(TimmConfigTest, RefusesWrongTypes) {
  struct Case {
    const char* member;
    const char* message;
  };
  for (const auto& [member, message] : std::initializer_list<Case>{
           {R"("num_classes": "10")",
            "num_classes: expected an integer from 0 to 10^9, got \"10\""},
           {R"("num_classes": -1)", "num_classes: expected an integer from 0 to 10^9, got -1"},
           {R"("num_classes": 10.0)", "num_classes: expected an integer from 0 to 10^9, got 10.0"},
           {R"("num_classes": true)", "num_classes: expected an integer from 0 to 10^9, got true"},
           {R"("pretrained_cfg": [])", "pretrained_cfg: expected an object, got []"},
           {R"("pretrained_cfg": {"tag": 1})", "tag: expected a string, got 1"},
           {R"("pretrained_cfg": {"input_size": [3, 224]})", "input_size: expected three integers"},
           {R"("pretrained_cfg": {"input_size": [3, 224, 5000]})",
            "none above 4096, got [3, 224, 5000]"},
           {R"("pretrained_cfg": {"test_input_size": [3, 1]})", "expected three integers"},
           {R"("pretrained_cfg": {"mean": "0.5"})", "mean: expected a list of numbers"},
           {R"("pretrained_cfg": {"std": [null]})", "std: expected a number, got null"},
           {R"("pretrained_cfg": {"crop_pct": "0.9"})", "crop_pct: expected a number, got \"0.9\""},
           {R"("pretrained_cfg": {"interpolation": 3})", "interpolation: expected a string, got 3"},
           {R"("pretrained_cfg": {"license": ["mit"]})",
            "license: expected a string, got [\"mit\"]"},
           {R"("pretrained_cfg": {"paper_ids": [1]})", "paper_ids: expected a string or a list"},
           {R"("pretrained_cfg": {"paper_ids": {}})", "paper_ids: expected a string or a list"},
       }) {
    EXPECT_THAT(malformation_of(fmt::format(R"({{"architecture": "resnet18", {}}})", member)),
                AllOf(HasSubstr("config.json: "), HasSubstr(message)))
        << member;
  }
}

TEST(TimmConfigTest, RefusesALabelOffset) {
  EXPECT_EQ(refusal_of(R"({"architecture": "resnet18", "pretrained_cfg": {"label_offset": 1}})"),
            "config.json: unsupported label_offset 1: timm removes rows of fc for it; "
            "advice(convert a checkpoint without label_offset)");
  EXPECT_THAT(refusal_of(R"({"architecture": "resnet18", "label_offset": 2})"),
              HasSubstr("unsupported label_offset 2"));
  EXPECT_EQ(
      parse(R"({"architecture": "resnet18", "pretrained_cfg": {"label_offset": 0}})").architecture,
      "resnet18");
  // timm reads it only in pretrained_cfg.
  EXPECT_EQ(parse(R"({"architecture": "resnet18", "label_offset": 1, "pretrained_cfg": {}})")
                .architecture,
            "resnet18");
}

TEST(TimmConfigTest, MakesTheConfigOfARegistryName) {
  const TimmConfig config = timm_config_of(*find_pretrained("resnet50.tv2_in1k"));
  EXPECT_EQ(config.architecture, "resnet50");
  EXPECT_EQ(config.in_chans, 3);
  EXPECT_EQ(config.num_classes, 1000);
  EXPECT_EQ(config.pretrained_cfg.tag, "tv2_in1k");
  EXPECT_THAT(config.pretrained_cfg.input_size, ElementsAre(3, 176, 176));
  EXPECT_THAT(config.pretrained_cfg.test_input_size, ElementsAre(3, 224, 224));
  EXPECT_EQ(config.pretrained_cfg.crop_pct->value, 0.875);
  EXPECT_EQ(config.pretrained_cfg.test_crop_pct->value, 0.965);
  EXPECT_EQ(config.pretrained_cfg.interpolation, "bilinear");
  EXPECT_EQ(config.pretrained_cfg.license, "bsd-3-clause");
  EXPECT_THAT(config.labels, IsEmpty());
}

TEST(TimmConfigTest, ARegistryNameMayHaveNoTestSize) {
  const PretrainedClaims claims =
      timm_config_of(*find_pretrained("resnet50.am_in1k")).pretrained_cfg;
  EXPECT_THAT(claims.test_input_size, IsEmpty());
  EXPECT_EQ(claims.test_crop_pct, std::nullopt);
  EXPECT_EQ(claims.origin_url, "");
}

}  // namespace
}  // namespace weightlift
