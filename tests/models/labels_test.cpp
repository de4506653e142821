#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/refusal.h"
#include "weightlift/base/message.h"
#include "weightlift/models/imagenet_labels.h"
#include "weightlift/models/timm_config.h"

namespace weightlift {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::refusal;

std::vector<std::string> labels_of(const std::string& members) {
  return parse_timm_config(fmt::format(R"({{"architecture": "resnet18", {}}})", members), "c.json")
      .labels;
}

std::string malformation_of(const std::string& members) {
  return refusal<FormatError>([&] { labels_of(members); });
}

TEST(TimmLabelsTest, ReadsAList) {
  EXPECT_THAT(labels_of(R"("label_names": ["crane", "bulldozer", "crane"])"),
              ElementsAre("crane", "bulldozer", "crane"));
}

TEST(TimmLabelsTest, ReadsAnObjectFromIds) {
  EXPECT_THAT(labels_of(R"("label_names": {"1": "b", "0": "a", "2": "c"})"),
              ElementsAre("a", "b", "c"));
}

TEST(TimmLabelsTest, KeepsTheOrderOfIdsBeyondTen) {
  std::string members;
  for (int i = 11; i >= 0; --i) members += fmt::format(R"("{0}": "n{0}"{1})", i, i > 0 ? ", " : "");
  const auto labels = labels_of(R"("label_names": {)" + members + "}");
  ASSERT_EQ(labels.size(), 12U);
  EXPECT_EQ(labels[2], "n2");
  EXPECT_EQ(labels[10], "n10");
}

TEST(TimmLabelsTest, FindsNamesInThePretrainedCfg) {
  EXPECT_THAT(labels_of(R"("pretrained_cfg": {"label_names": ["x", "y"]})"), ElementsAre("x", "y"));
}

TEST(TimmLabelsTest, PrefersTheTopLevel) {
  EXPECT_THAT(labels_of(R"("label_names": ["r"], "pretrained_cfg": {"label_names": ["p"]})"),
              ElementsAre("r"));
}

TEST(TimmLabelsTest, UsesDescriptionsWhereEveryNameHasOne) {
  EXPECT_THAT(labels_of(R"("label_names": ["n01", "n02"],
                           "label_descriptions": {"n01": "tench", "n02": "goldfish", "n03": "x"})"),
              ElementsAre("tench", "goldfish"));
  EXPECT_THAT(labels_of(R"("label_names": ["n01", "n02"], "label_descriptions": {"n01": "tench"})"),
              ElementsAre("n01", "n02"));
  EXPECT_THAT(labels_of(R"("pretrained_cfg": {"label_names": ["n01"],
                           "label_descriptions": {"n01": "tench"}})"),
              ElementsAre("tench"));
}

TEST(TimmLabelsTest, HasNoLabelsWithoutNames) {
  EXPECT_THAT(labels_of(R"("label_descriptions": {"n01": "tench"})"), IsEmpty());
  EXPECT_THAT(labels_of(R"("label_names": null)"), IsEmpty());
  EXPECT_THAT(labels_of(R"("label_names": [])"), IsEmpty());
}

TEST(TimmLabelsTest, KeepsTheText) {
  EXPECT_THAT(labels_of(R"("label_names": ["\u00e9l\u00e8ve", "a \"b\"", "\ud83e\udd86", ""])"),
              ElementsAre("\u00e9l\u00e8ve", "a \"b\"", "\U0001f986", ""));
}

TEST(TimmLabelsTest, RefusesOtherForms) {
  struct Case {
    const char* members;
    const char* message;
  };
  for (const auto& [members, message] : std::initializer_list<Case>{
           {R"("label_names": "tench")",
            "label_names: expected a list of labels, or an object from class ids to labels, got"},
           {R"("label_names": 5)", "label_names: expected a list of labels, or an object"},
           {R"("label_names": ["a", 1])",
            "label_names: expected a label for each of the ids 0 to 1, got 1: 1"},
           {R"("label_names": {"a": "x"})", "the ids 0 to 0, got a: \"x\""},
           {R"("label_names": {"01": "x"})", "the ids 0 to 0, got 01: \"x\""},
           {R"("label_names": {"0": 1})", "the ids 0 to 0, got 0: 1"},
           {R"("label_names": {"1": "x"})", "the ids 0 to 0, got 1: \"x\""},
           {R"("label_names": {"0": "x", "2": "y"})", "the ids 0 to 1, got 2: \"y\""},
           {R"("label_names": {"0": "x", "00": "y"})", "the ids 0 to 1, got 00: \"y\""},
           {R"("label_names": {"-1": "x", "0": "y"})", "the ids 0 to 1, got -1: \"x\""},
           {R"("label_names": ["a"], "label_descriptions": ["b"])",
            "label_descriptions: expected an object from names to texts"},
           {R"("label_names": ["a"], "label_descriptions": {"a": 1})",
            "label_descriptions: expected texts, got 1"},
       }) {
    EXPECT_THAT(malformation_of(members), HasSubstr(message)) << members;
  }
}

TEST(ImagenetLabelsTest, HasTheLemmas) {
  const auto labels = imagenet_1k_labels();
  EXPECT_EQ(labels[0], "tench, Tinca tinca");
  EXPECT_EQ(labels[134], "crane");
  EXPECT_EQ(labels[281], "tabby, tabby cat");
  EXPECT_EQ(labels[517], "crane");
  EXPECT_EQ(labels[639], "maillot, tank suit");
  EXPECT_EQ(labels[999], "toilet tissue, toilet paper, bathroom tissue");
}

TEST(ImagenetLabelsTest, HasWordNetIds) {
  const auto synsets = imagenet_1k_synsets();
  EXPECT_TRUE(std::ranges::is_sorted(synsets));
  EXPECT_EQ(synsets[0], "n01440764");
  EXPECT_EQ(synsets[134], "n02012849");
  EXPECT_EQ(synsets[517], "n03126707");
  EXPECT_EQ(synsets[999], "n15075141");
}

}  // namespace
}  // namespace weightlift
