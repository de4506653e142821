#include "weightlift/predict/class_match.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/refusal.h"
#include "weightlift/base/message.h"
#include "weightlift/models/imagenet_labels.h"

namespace weightlift {
namespace {

using ::testing::HasSubstr;
using testing::refusal;
using Labels = std::vector<std::string>;
using Ids = std::vector<std::int64_t>;

ModelConfig three_classes() {
  ModelConfig config;
  config.num_labels = 3;
  config.id2label = {{0, "cat"}, {1, "crane"}, {2, "crane"}};
  return config;
}

TEST(MatchClassesTest, MatchesByLabelByIdOrByOrder) {
  const ModelConfig pets = three_classes();
  const ClassMatch by_label = match_classes({"cat"}, pets, "x");
  EXPECT_EQ(by_label.by, MatchedBy::kLabel);
  EXPECT_EQ(by_label.classes, Ids{0});
  const ClassMatch by_id = match_classes({"02", "1"}, pets, "x");
  EXPECT_EQ(by_id.by, MatchedBy::kId);
  EXPECT_EQ(by_id.classes, (Ids{2, 1}));
  ModelConfig unnamed;
  unnamed.num_labels = 3;
  const ClassMatch by_order = match_classes({"n1", "n2", "n3"}, unnamed, "x");
  EXPECT_EQ(by_order.by, MatchedBy::kOrder);
  EXPECT_EQ(by_order.classes, (Ids{0, 1, 2}));
}

TEST(MatchClassesTest, MatchesImageNetFoldersByWordNetId) {
  ModelConfig config;
  config.num_labels = 1000;
  for (const std::string_view label : imagenet_1k_labels()) {
    config.id2label.emplace_back(config.id2label.size(), label);
  }
  const ClassMatch match =
      match_classes({"n01440764", "n02012849", "n03126707", "n15075141"}, config, "x");
  EXPECT_EQ(match.by, MatchedBy::kSynset);
  EXPECT_EQ(match.classes, (Ids{0, 134, 517, 999}));  // crane is two of them
  EXPECT_THAT(refusal<MismatchError>([&] {
                match_classes({"n01440764", "n00000001"}, config, "x");
              }),
              HasSubstr("x: 'n00000001' is not a WordNet id of ImageNet-1k, but other labels are"));
  config.id2label[7].second = "rooster";
  EXPECT_THAT(refusal<MismatchError>([&] { match_classes({"n01440764"}, config, "x"); }),
              HasSubstr("x: 'n01440764' is not a label of the network, such as 'tench"));
}

TEST(MatchClassesTest, IgnoresCaseAndWordBreaks) {
  ModelConfig config;
  config.num_labels = 4;
  config.id2label = {{0, "sea-lion"}, {1, "great white shark"}, {2, "Cat"}, {3, "cat"}};
  const ClassMatch match =
      match_classes({"Cat", "Great_White-Shark", "Sea Lion", "cat"}, config, "x");
  EXPECT_EQ(match.by, MatchedBy::kLabel);
  EXPECT_EQ(match.classes, (Ids{2, 1, 0, 3}));
  config.id2label[0].second = "tench, Tinca tinca";
  EXPECT_EQ(match_classes({"Tench"}, config, "x").classes, Ids{0});
  EXPECT_THAT(refusal<MismatchError>([&] { match_classes({"CAT"}, config, "x"); }),
              HasSubstr("x: 'CAT' is the label of several classes, such as 2 and 3"));
}

TEST(MatchClassesTest, RefusesUnknownAndAmbiguousLabels) {
  const auto refused = [](const Labels& labels) {
    return refusal<MismatchError>([&] { match_classes(labels, three_classes(), "x"); });
  };
  EXPECT_EQ(refused({"cat", "dog", "emu"}),
            "x: 'dog' is not a label of the network, such as 'cat'; advice(rename it, or name all "
            "classes by id)");
  EXPECT_EQ(refused({"crane"}),
            "x: 'crane' is the label of several classes, such as 1 and 2; advice(name all classes "
            "by id)");
  EXPECT_EQ(refused({"1", "3"}), "x: expected class ids from 0 to 2, got '3'");
  EXPECT_THAT(refused({"n1", "n2", "n3"}), HasSubstr("x: 'n1' is not a label of the network"));
  ModelConfig unnamed;
  unnamed.num_labels = 3;
  EXPECT_THAT(refusal<MismatchError>([&] {
                match_classes({"n1", "n2"}, unnamed, "x");
              }),
              HasSubstr("x: the network has 3 classes without labels: expected as many names, "
                        "got 2"));
}

}  // namespace
}  // namespace weightlift
