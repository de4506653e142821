#include <gmock/gmock.h>

#include "tests/support/notes.h"
#include "weightlift/progress.h"

namespace weightlift {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

// docs/notes.md has a paragraph for each name, and programs compare them: a name never changes.
TEST(NoteTest, NamesAndSeveritiesAreStable) {
  std::vector<std::string> rows;
  for (int i = 0; i <= static_cast<int>(NoteCode::kExifInvalid); ++i) {
    const auto code = static_cast<NoteCode>(i);
    rows.push_back(std::string(to_string(severity_of(code))) + " " + std::string(to_string(code)));
  }
  EXPECT_THAT(rows, ElementsAreArray({
                        "warning wrong-extension",
                        "warning header-whitespace",
                        "warning no-tensors",
                        "warning metadata-format-missing",
                        "warning metadata-format-unknown",
                        "warning zip-trailing-bytes",
                        "warning zip-unused-bytes",
                        "note zip-unused-storages",
                        "warning zip-without-checksums",
                        "warning bytes-after-storages",
                        "note big-endian-mark",
                        "warning index-metadata-missing",
                        "warning index-total-size-invalid",
                        "warning index-total-size-wrong",
                        "warning index-unlisted-tensor",
                        "note weights-chosen",
                        "note python-objects-ignored",
                        "note tensors-ignored",
                        "warning unknown-tensors-ignored",
                        "warning no-config",
                        "note counters-added",
                        "note counters-converted",
                        "note dtypes-mixed",
                        "warning zero-tail",
                        "warning head-renamed",
                        "note bias-added",
                        "note head-dropped",
                        "note labels-read",
                        "warning labels-unknown",
                        "warning label-duplicated",
                        "warning more-labels-duplicated",
                        "warning class-names-invalid",
                        "warning class-names-mismatch",
                        "warning no-classifier",
                        "warning problem-type-dropped",
                        "warning label-ids-dropped",
                        "note processor-chosen",
                        "note processor-defaults",
                        "warning processor-mismatch",
                        "warning processor-not-in-timm",
                        "warning processor-not-in-file",
                        "warning processor-not-in-folder",
                        "warning processor-channels",
                        "warning processor-not-square",
                        "warning processor-interpolation",
                        "warning processor-statistics",
                        "warning grayscale-pipeline",
                        "note crop-offset",
                        "note crop-offset-of-some",
                        "warning pad-offset",
                        "warning crop-squashed",
                        "warning crop-mode-unsupported",
                        "warning non-finite-weights",
                        "warning dtype-overflow",
                        "note already-converted",
                        "note up-to-date",
                        "note converted-again",
                        "note temporary-folders-found",
                        "note fetched",
                        "note fetched-without-config",
                        "note torch-cache-used",
                        "warning cache-used",
                        "warning cache-repaired",
                        "warning hub-warning",
                        "note files-ignored-by-git",
                        "note metadata-skipped",
                        "note files-not-published",
                        "note training-state-skipped",
                        "warning noncommercial-license",
                        "note card-names-repository",
                        "warning fewer-threads",
                        "note image-animated",
                        "warning image-damaged",
                        "warning image-end-damaged",
                        "warning image-end-missing",
                        "warning image-trailing-bytes",
                        "warning exif-invalid",
                    }));
}

TEST(NoteTest, ShowsItsFactsOnOneLine) {
  const Note note{NoteCode::kNoConfig, "model.pth", {{"arch", "resnet18"}, {"config", ""}}};
  EXPECT_EQ(to_string(note), "model.pth: no-config arch='resnet18' config=''");
  EXPECT_EQ(to_string(Note{NoteCode::kNoTensors}), "no-tensors");
}

TEST(NoteTest, ShowsHintsInTests) {
  const Notes notes = {{NoteCode::kNoTensors, "a", {}, {{HintCode::kDropHead, {}}}}};
  EXPECT_THAT(testing::told(notes), ElementsAre("a: no-tensors; drop-head()"));
}

}  // namespace
}  // namespace weightlift
