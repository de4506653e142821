#include "weightlift/predict/class_match.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/refusal.h"
#include "weightlift/base/error.h"
#include "weightlift/models/imagenet_labels.h"

namespace weightlift {
namespace {

using ::testing::HasSubstr;
using testing::refusal;
using Labels = std::vector<std::string>;
using Ids = std::vector<std::int64_t>;

ResNetConfig three_classes() {
  ResNetConfig config;
  config.num_labels = 3;
  config.id2label = {{0, "cat"}, {1, "crane"}, {2, "crane"}};
  return config;
}

TEST(MatchClassesTest, ByLabelByIdOrByOrder) {
  const ResNetConfig pets = three_classes();
  const ClassMatch by_label = match_classes({"cat"}, pets, "x");
  EXPECT_EQ(by_label.by, MatchedBy::kLabel);
  EXPECT_EQ(by_label.classes, Ids{0});
  const ClassMatch by_id = match_classes({"02", "1"}, pets, "x");
  EXPECT_EQ(by_id.by, MatchedBy::kId);
  EXPECT_EQ(by_id.classes, (Ids{2, 1}));
  ResNetConfig unnamed;
  unnamed.num_labels = 3;
  const ClassMatch by_order = match_classes({"n1", "n2", "n3"}, unnamed, "x");
  EXPECT_EQ(by_order.by, MatchedBy::kOrder);
  EXPECT_EQ(by_order.classes, (Ids{0, 1, 2}));
}

TEST(MatchClassesTest, ImageNetsFoldersByWordNetId) {
  ResNetConfig config;
  config.num_labels = 1000;
  for (const std::string_view label : imagenet_1k_labels()) {
    config.id2label.emplace_back(config.id2label.size(), label);
  }
  const ClassMatch match =
      match_classes({"n01440764", "n02012849", "n03126707", "n15075141"}, config, "x");
  EXPECT_EQ(match.by, MatchedBy::kSynset);
  EXPECT_EQ(match.classes, (Ids{0, 134, 517, 999}));  // crane is two of them
  EXPECT_THAT(
      refusal<MismatchError>([&] {
        match_classes({"n01440764", "n00000001"}, config, "x");
      }),
      HasSubstr("x: 'n00000001': expected a WordNet id of ImageNet-1k, as others here are"));
  config.id2label[7].second = "rooster";
  EXPECT_THAT(refusal<MismatchError>([&] { match_classes({"n01440764"}, config, "x"); }),
              HasSubstr("x: 'n01440764': expected a label of the network"));
}

TEST(MatchClassesTest, CaseAndWordBreaksDoNotMatter) {
  ResNetConfig config;
  config.num_labels = 4;
  config.id2label = {{0, "sea-lion"}, {1, "great white shark"}, {2, "Cat"}, {3, "cat"}};
  const ClassMatch match =
      match_classes({"Cat", "Great_White-Shark", "Sea Lion", "cat"}, config, "x");
  EXPECT_EQ(match.by, MatchedBy::kLabel);
  EXPECT_EQ(match.classes, (Ids{2, 1, 0, 3}));
  config.id2label[0].second = "tench, Tinca tinca";
  EXPECT_EQ(match_classes({"Tench"}, config, "x").classes, Ids{0});
  EXPECT_THAT(refusal<MismatchError>([&] { match_classes({"CAT"}, config, "x"); }),
              HasSubstr("x: 'CAT': expected the label of one class, got that of 2 and 3"));
}

TEST(MatchClassesTest, NothingIsGuessed) {
  const auto refused = [](const Labels& labels) {
    return refusal<MismatchError>([&] { match_classes(labels, three_classes(), "x"); });
  };
  EXPECT_THAT(refused({"cat", "dog", "emu"}), HasSubstr("x: 'dog': expected a label"));
  EXPECT_THAT(refused({"crane"}), HasSubstr("x: 'crane': expected the label of one class, got that "
                                            "of 1 and 2; name all by class id"));
  EXPECT_THAT(refused({"1", "3"}), HasSubstr("x: '3': expected a class id from 0 to 2"));
  EXPECT_THAT(refused({"n1", "n2", "n3"}),
              HasSubstr("x: 'n1': expected a label of the network, such as 'cat', got none"));
  ResNetConfig unnamed;
  unnamed.num_labels = 3;
  EXPECT_THAT(refusal<MismatchError>([&] {
                match_classes({"n1", "n2"}, unnamed, "x");
              }),
              HasSubstr("x: 'n1': expected a label or an id"));
}

}  // namespace
}  // namespace weightlift
