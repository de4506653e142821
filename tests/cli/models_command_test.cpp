#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/cli/program.h"

namespace weightlift {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::json_lines;
using testing::Outcome;
using testing::run_weightlift;
using Json = nlohmann::json;

std::vector<std::string> names(const std::string& glob) {
  std::vector<std::string> found;
  for (const Json& row : json_lines(run_weightlift({"models", glob, "--json"}).out)) {
    found.push_back(row["name"]);
  }
  return found;
}

TEST(ModelsCommandTest, ListsTheRegistry) {
  const Outcome outcome = run_weightlift({"models"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(std::ranges::count(outcome.out, '\n'), 110);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("resnet50.a1_in1k *"), HasSubstr("25,557,032"),
                                 HasSubstr("bsd-3-clause"), HasSubstr("0.5/0.5")));
}

TEST(ModelsCommandTest, TakesNamesAndPatterns) {
  EXPECT_EQ(names("*").size(), 109U);
  EXPECT_EQ(names("resnet26").size(), 1U);
  EXPECT_THAT(names("tv_resnet50"), ElementsAre("resnet50.tv_in1k"));
  EXPECT_THAT(names("resnet18.tv*"), ElementsAre("resnet18.tv_in1k"));
}

TEST(ModelsCommandTest, ListsOneFamily) {
  const Outcome outcome = run_weightlift({"models", "--family", "regnet", "--json"});
  const auto lines = json_lines(outcome.out);
  EXPECT_EQ(lines.size(), 61U);
  for (const Json& line : lines) EXPECT_EQ(line["family"], "regnet");
  EXPECT_EQ(run_weightlift({"models", "--family", "vit"}).exit_code, 2);
}

TEST(ModelsCommandTest, AnswersWhatTimmHasAndWeightliftHasNot) {
  const auto answer = [](const char* name) {
    const Outcome outcome = run_weightlift({"models", name});
    EXPECT_EQ(outcome.exit_code, 3) << name;
    return outcome.err;
  };
  EXPECT_EQ(answer("vit_base_patch16_224.augreg_in21k"),
            "weightlift: error: vit_base_patch16_224.augreg_in21k: known to timm, not supported: a "
            "VisionTransformer\n");
  EXPECT_THAT(answer("resnet50d"), HasSubstr("known to timm, not supported: deep stem"));
  EXPECT_THAT(answer("seresnet50"), HasSubstr("squeeze-and-excitation"));
  EXPECT_THAT(answer("regnetv_040"), HasSubstr("pre-activation"));
}

TEST(ModelsCommandTest, JsonHasWhatTimmStates) {
  const auto lines = json_lines(run_weightlift({"models", "resnet50.tv2_in1k", "--json"}).out);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["input_size"], (Json{3, 176, 176}));
  EXPECT_EQ(lines[0]["test_crop_pct"], 0.965);
  EXPECT_EQ(lines[0]["license"], "bsd-3-clause");
  EXPECT_EQ(lines[0]["parameters"], 25'557'032);
}

TEST(ModelsCommandTest, UnknownNamesAreExit3) {
  const auto refusal = [](const char* glob) {
    const Outcome outcome = run_weightlift({"models", glob});
    EXPECT_EQ(outcome.exit_code, 3);
    EXPECT_EQ(outcome.out, "");
    return outcome.err;
  };
  EXPECT_THAT(refusal("resnet51"), HasSubstr("did you mean resnet50, "));
  EXPECT_EQ(refusal("resnet50.a2"),
            "weightlift: error: resnet50.a2: no supported timm model matches; did you mean "
            "resnet50.a2_in1k?\n");
  EXPECT_EQ(refusal("nothing-alike"),
            "weightlift: error: nothing-alike: no supported timm model matches; list the names "
            "with: weightlift models\n");
}

TEST(ModelsCommandTest, AFailureIsOneJsonObject) {
  const Outcome outcome = run_weightlift({"models", "resnet51", "--json"});
  EXPECT_EQ(outcome.exit_code, 3);
  const auto lines = json_lines(outcome.out);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["type"], "models");
  EXPECT_EQ(lines[0]["status"], "failed");
  EXPECT_EQ(lines[0]["error"]["kind"], "not_found");
}

}  // namespace
}  // namespace weightlift
