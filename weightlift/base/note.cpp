#include <fmt/format.h>

#include <array>
#include <cstddef>

#include "weightlift/progress.h"

namespace weightlift {

namespace {

struct Row {
  std::string_view name;
  Severity severity;
};

// In the order of NoteCode.
constexpr auto kRows = std::to_array<Row>({
    {"wrong-extension", Severity::kWarning},
    {"header-whitespace", Severity::kWarning},
    {"no-tensors", Severity::kWarning},
    {"metadata-format-missing", Severity::kWarning},
    {"metadata-format-unknown", Severity::kWarning},
    {"zip-trailing-bytes", Severity::kWarning},
    {"zip-unused-bytes", Severity::kWarning},
    {"zip-unused-storages", Severity::kNote},
    {"zip-without-checksums", Severity::kWarning},
    {"bytes-after-storages", Severity::kWarning},
    {"big-endian-mark", Severity::kNote},
    {"index-metadata-missing", Severity::kWarning},
    {"index-total-size-invalid", Severity::kWarning},
    {"index-total-size-wrong", Severity::kWarning},
    {"index-unlisted-tensor", Severity::kWarning},
    {"weights-chosen", Severity::kNote},
    {"python-objects-ignored", Severity::kNote},
    {"tensors-ignored", Severity::kNote},
    {"unknown-tensors-ignored", Severity::kWarning},
    {"no-config", Severity::kWarning},
    {"counters-added", Severity::kNote},
    {"counters-converted", Severity::kNote},
    {"dtypes-mixed", Severity::kNote},
    {"zero-tail", Severity::kWarning},
    {"head-renamed", Severity::kWarning},
    {"bias-added", Severity::kNote},
    {"head-dropped", Severity::kNote},
    {"labels-read", Severity::kNote},
    {"labels-unknown", Severity::kWarning},
    {"label-duplicated", Severity::kWarning},
    {"more-labels-duplicated", Severity::kWarning},
    {"class-names-invalid", Severity::kWarning},
    {"class-names-mismatch", Severity::kWarning},
    {"no-classifier", Severity::kWarning},
    {"problem-type-dropped", Severity::kWarning},
    {"label-ids-dropped", Severity::kWarning},
    {"processor-chosen", Severity::kNote},
    {"processor-defaults", Severity::kNote},
    {"processor-mismatch", Severity::kWarning},
    {"processor-not-in-timm", Severity::kWarning},
    {"processor-not-in-file", Severity::kWarning},
    {"processor-not-in-folder", Severity::kWarning},
    {"processor-channels", Severity::kWarning},
    {"processor-not-square", Severity::kWarning},
    {"processor-interpolation", Severity::kWarning},
    {"processor-statistics", Severity::kWarning},
    {"grayscale-pipeline", Severity::kWarning},
    {"crop-offset", Severity::kNote},
    {"crop-offset-of-some", Severity::kNote},
    {"pad-offset", Severity::kWarning},
    {"crop-squashed", Severity::kWarning},
    {"crop-mode-unsupported", Severity::kWarning},
    {"non-finite-weights", Severity::kWarning},
    {"dtype-overflow", Severity::kWarning},
    {"already-converted", Severity::kNote},
    {"up-to-date", Severity::kNote},
    {"converted-again", Severity::kNote},
    {"temporary-folders-found", Severity::kNote},
    {"fetched", Severity::kNote},
    {"fetched-without-config", Severity::kNote},
    {"torch-cache-used", Severity::kNote},
    {"cache-used", Severity::kWarning},
    {"cache-repaired", Severity::kWarning},
    {"hub-warning", Severity::kWarning},
    {"files-ignored-by-git", Severity::kNote},
    {"metadata-skipped", Severity::kNote},
    {"files-not-published", Severity::kNote},
    {"training-state-skipped", Severity::kNote},
    {"noncommercial-license", Severity::kWarning},
    {"card-names-repository", Severity::kNote},
    {"fewer-threads", Severity::kWarning},
    {"image-animated", Severity::kNote},
    {"image-damaged", Severity::kWarning},
    {"image-end-damaged", Severity::kWarning},
    {"image-end-missing", Severity::kWarning},
    {"image-trailing-bytes", Severity::kWarning},
    {"exif-invalid", Severity::kWarning},
});
static_assert(kRows.size() == static_cast<std::size_t>(NoteCode::kExifInvalid) + 1);

const Row& row_of(NoteCode code) {
  const auto index = static_cast<std::size_t>(code);
  if (index >= kRows.size()) throw UsageError("note", fmt::format("no note has code {}", index));
  return kRows[index];
}

}  // namespace

std::string_view to_string(NoteCode code) { return row_of(code).name; }

std::string_view to_string(Severity severity) {
  return severity == Severity::kWarning ? "warning" : "note";
}

Severity severity_of(NoteCode code) { return row_of(code).severity; }

std::string to_string(const Note& note) {
  std::string text = note.where.empty() ? "" : note.where + ": ";
  text += to_string(note.code);
  for (const auto& [name, value] : note.parameters) text += fmt::format(" {}='{}'", name, value);
  return text;
}

}  // namespace weightlift
