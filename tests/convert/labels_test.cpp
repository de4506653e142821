#include "weightlift/convert/labels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/notes.h"
#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "tests/support/timm_checkpoint.h"
#include "weightlift/base/message.h"

namespace weightlift {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using testing::refusal;
using ::testing::StartsWith;
using testing::TempDir;
using testing::told;
using testing::write_file;

/// A source with this many classes; choose_labels reads nothing else of it.
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
  return choose_labels(source_of(classes), File{dir / "labels"});
}

auto is_abc() { return ElementsAre(Pair(0, "a"), Pair(1, "b"), Pair(2, "c")); }

TEST(LabelsTest, ReadsAFile) {
  EXPECT_THAT(labels_of_file("a\nb\nc\n").id2label, is_abc());
  EXPECT_THAT(labels_of_file(R"({"2": "c", "0": "a", "1": "b"})").id2label, is_abc());
  EXPECT_EQ(labels_of_file("a\nb\nc\n").from, "from a file, chosen by the user");
}

TEST(LabelsTest, ReportsTheFormOfAFile) {
  const TempDir dir;
  const std::string file = dir / "labels.txt";
  write_file(file, "b 1\nc, d 2\na 0\n");
  EXPECT_THAT(told(choose_labels(source_of(3), File{file}).reading),
              ElementsAre(file + ": labels-read form='a label, then an index on each line' "
                                 "first='a' last='c, d'"));
  const Labels named = choose_labels(source_of(3), File{file, "labels.txt of acme/files"});
  EXPECT_THAT(told(named.reading),
              ElementsAre(StartsWith("labels.txt of acme/files: labels-read form=")));
  EXPECT_EQ(named.from, "from labels.txt of acme/files, chosen by the user");
  EXPECT_THAT(choose_labels(source_of(3), FromSource()).reading, IsEmpty());
  EXPECT_THAT(choose_labels(source_of(1000), Preset{"imagenet-1k"}).reading, IsEmpty());
}

TEST(LabelsTest, RefusesAFileWithItsName) {
  const TempDir dir;
  const std::string file = dir / "labels.json";
  write_file(file, "[1]");
  EXPECT_THAT(refusal<FormatError>([&] { choose_labels(source_of(1), File{file}); }),
              StartsWith(file + ": expected a label for each of the ids 0 to 0"));
  EXPECT_THAT(refusal<FormatError>([&] {
                choose_labels(source_of(1), File{file, "x of acme/files"});
              }),
              StartsWith("x of acme/files: expected a label"));
}

TEST(LabelsTest, RefusesAnotherNumberOfLabels) {
  EXPECT_THAT(refusal<MismatchError>([] { labels_of_file("a\nb\n"); }),
              HasSubstr("expected 3 labels, one per class, got 2 (one label per line)"));
  EXPECT_THAT(refusal<MismatchError>([] { labels_of_file("id\tname\n0\ta\n1\tb\n"); }),
              HasSubstr("got 2 (an index, then a label on each line, after a header)"));
  EXPECT_THAT(refusal<MismatchError>([] { labels_of_file(R"(["a", "b", "c", "d"])"); }),
              HasSubstr("got 4 (JSON, a list)"));
  EXPECT_THAT(refusal<MismatchError>([] { labels_of_file(""); }), HasSubstr("got 0"));
  EXPECT_THAT(refusal<MismatchError>([] { labels_of_file("{}"); }), HasSubstr("got 0"));
  EXPECT_THAT(refusal<MismatchError>([] { choose_labels(source_of(3), Preset{"imagenet-1k"}); }),
              HasSubstr("expected 3 labels, one per class, got 1000"));
}

TEST(LabelsTest, ReportsDuplicates) {
  EXPECT_THAT(labels_of_file("a\nb\na\n").notes,
              ElementsAre(Note{NoteCode::kLabelDuplicated, "", {{"label", "a"}}}));
}

TEST(LabelsTest, RefusesAMissingFile) {
  EXPECT_THAT(refusal<NotFoundError>([] { choose_labels(source_of(3), File{"no/such/file"}); }),
              HasSubstr("no/such/file: "));
}

TEST(LabelsTest, PrefersTheSourcesLabels) {
  Source source = imagenet_source("resnet18");
  source.timm->labels.assign(1000, "same");
  const Labels labels = choose_labels(source, FromSource());
  EXPECT_EQ(labels.id2label[999].second, "same");
  EXPECT_EQ(labels.from, "from the source");
}

TEST(LabelsTest, UsesImagenetsLabelsForItsTags) {
  const Labels labels = choose_labels(imagenet_source("resnet18.tv_in1k"), FromSource());
  EXPECT_EQ(labels.id2label[0].second, "tench, Tinca tinca");
  EXPECT_EQ(labels.from, "ImageNet-1k, assumed from 1000 classes and the tag tv_in1k");
  EXPECT_THAT(told(labels.notes), ElementsAre("label-duplicated label='crane'"));
}

TEST(LabelsTest, DoesNotGuessImagenetsLabels) {
  Source source = imagenet_source("resnet18");
  source.timm->pretrained_cfg.tag = "mine";
  const Labels other_tag = choose_labels(source, FromSource());
  EXPECT_THAT(other_tag.id2label, IsEmpty());
  EXPECT_EQ(other_tag.from, "unknown (LABEL_0, LABEL_1, ...)");
  EXPECT_THAT(told(other_tag.notes),
              ElementsAre("labels-unknown classes='1000'; give-labels(imagenet-1k)"));
  source = imagenet_source("resnet18");
  source.config.num_labels = 10;
  EXPECT_THAT(choose_labels(source, FromSource()).id2label, IsEmpty());
  EXPECT_THAT(told(choose_labels(source_of(10), FromSource()).notes),
              ElementsAre("labels-unknown classes='10'; give-labels()"));
}

TEST(LabelsTest, UsesImagenetsLabelsOnRequest) {
  const Labels labels = choose_labels(source_of(1000), Preset{"imagenet-1k"});
  EXPECT_EQ(labels.id2label[517].second, "crane");
  EXPECT_EQ(labels.from, "ImageNet-1k, chosen by the user");
}

}  // namespace
}  // namespace weightlift
