#include "weightlift/convert/labels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "tests/support/timm_checkpoint.h"
#include "weightlift/base/error.h"

namespace weightlift {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using testing::refusal;
using testing::TempDir;
using testing::write_file;

/// A source of so many classes; choose_labels looks at nothing else of it.
Source source_of(std::int64_t classes) {
  Source source{};
  source.config.num_labels = classes;
  return source;
}

Source imagenet_source(std::string_view name) {
  Source source = source_of(1000);
  source.timm = timm_config_of(*find_pretrained(name));
  return source;
}

Labels labels_of_file(const std::string& text, std::int64_t classes = 3) {
  const TempDir dir;
  write_file(dir / "labels", text);
  return choose_labels(source_of(classes), (dir / "labels").string());
}

std::string malformation_of(const std::string& text) {
  return refusal<FormatError>([&] { labels_of_file(text); });
}

auto is_abc() { return ElementsAre(Pair(0, "a"), Pair(1, "b"), Pair(2, "c")); }

TEST(LabelsTest, ComeFromAFileOfLines) {
  EXPECT_THAT(labels_of_file("a\nb\nc\n").id2label, is_abc());
  EXPECT_THAT(labels_of_file("a\nb\nc").id2label, is_abc());
  EXPECT_THAT(labels_of_file("a\r\nb\r\nc\r\n").id2label, is_abc());
  EXPECT_THAT(
      labels_of_file("tench, Tinca tinca\n\u00e9l\u00e8ve\n x ").id2label,
      ElementsAre(Pair(0, "tench, Tinca tinca"), Pair(1, "\u00e9l\u00e8ve"), Pair(2, " x ")));
}

TEST(LabelsTest, ComeFromAFileOfJson) {
  EXPECT_THAT(labels_of_file(R"(["a", "b", "c"])").id2label, is_abc());
  EXPECT_THAT(labels_of_file(R"( {"2": "c", "0": "a", "1": "b"})").id2label, is_abc());
}

TEST(LabelsTest, OfAFileAreRefusedInOtherForms) {
  EXPECT_THAT(malformation_of(R"(["a", "b"])"
                              "x"),
              HasSubstr("labels: expected JSON"));
  EXPECT_THAT(malformation_of(R"(["a", 1, "c"])"),
              HasSubstr("labels: expected class ids from 0 and strings as labels, got 1: 1"));
  EXPECT_THAT(malformation_of(R"({"0": "a", "x": "b"})"), HasSubstr("got x: \"b\""));
  EXPECT_THAT(malformation_of(R"({"0": "a", "2": "b"})"),
              HasSubstr("labels: expected class ids without gaps, got 2 after 1 labels"));
  EXPECT_THAT(malformation_of("a\nb\xff\nc"),
              HasSubstr("labels: expected UTF-8 labels without control characters, got 'b\\xff'"));
  EXPECT_THAT(malformation_of("a\nb\x1b[2J\nc"), HasSubstr("got 'b\\x1b[2J'"));
}

TEST(LabelsTest, OfAFileMustBeAsManyAsTheClasses) {
  EXPECT_THAT(refusal<MismatchError>([] { labels_of_file("a\nb\n"); }),
              HasSubstr("expected 3 labels, one per class, got 2"));
  EXPECT_THAT(refusal<MismatchError>([] { labels_of_file("a\nb\nc\n\n"); }), HasSubstr("got 4"));
  EXPECT_THAT(refusal<MismatchError>([] { labels_of_file(""); }), HasSubstr("got 0"));
}

TEST(LabelsTest, OfAMissingFileAreRefused) {
  EXPECT_THAT(refusal<IoError>([] { choose_labels(source_of(3), "no/such/file"); }),
              HasSubstr("no/such/file: "));
}

TEST(LabelsTest, OfTheSourceStandBeforeImagenets) {
  Source source = imagenet_source("resnet18");
  source.timm->labels.assign(1000, "same");
  const Labels labels = choose_labels(source, "");
  EXPECT_EQ(labels.id2label[999].second, "same");
  EXPECT_EQ(labels.from, "the source's own");
}

TEST(LabelsTest, OfImagenetStandForItsTags) {
  const Labels labels = choose_labels(imagenet_source("resnet18.tv_in1k"), "");
  EXPECT_EQ(labels.id2label[0].second, "tench, Tinca tinca");
  EXPECT_EQ(labels.from, "ImageNet-1k's, assumed for 1000 classes and the tag tv_in1k");
  EXPECT_THAT(labels.notes, ElementsAre(HasSubstr("label 'crane' stands for two classes")));
}

TEST(LabelsTest, OfImagenetAreNotGuessed) {
  Source source = imagenet_source("resnet18");
  source.timm->pretrained_cfg.tag = "mine";
  const Labels other_tag = choose_labels(source, "");
  EXPECT_THAT(other_tag.id2label, IsEmpty());
  EXPECT_EQ(other_tag.from, "none known (LABEL_0, LABEL_1, ...)");
  EXPECT_THAT(other_tag.notes, ElementsAre(HasSubstr("--id2label imagenet-1k names them")));
  source = imagenet_source("resnet18");
  source.config.num_labels = 10;
  EXPECT_THAT(choose_labels(source, "").id2label, IsEmpty());
  EXPECT_THAT(choose_labels(source_of(10), "").notes, IsEmpty());
}

TEST(LabelsTest, OfImagenetMayBeAskedFor) {
  const Labels labels = choose_labels(source_of(1000), "imagenet-1k");
  EXPECT_EQ(labels.id2label[517].second, "crane");
  EXPECT_EQ(labels.from, "ImageNet-1k's, as asked for");
}

}  // namespace
}  // namespace weightlift
