#include "weightlift/cli/per_image.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <vector>

#include "weightlift/base/json.h"
#include "weightlift/base/posix.h"
#include "weightlift/predict/ascii.h"
#include "weightlift/predict/csv.h"
#include "weightlift/report/evaluation_json.h"
#include "weightlift/report/phrase.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

constexpr const char* kHeader =
    "file,id,label,predicted_id,predicted_label,score,label_score,rank,error\n";

std::string ending_of(const fs::path& file) { return ascii_lower(file.extension().string()); }

std::string csv_line(const ImageJudgement& row) {
  std::vector<std::string> fields = {csv_field(row.file.string()), std::to_string(row.id),
                                     csv_field(row.label)};
  if (row.judgement) {
    const Judgement& judgement = *row.judgement;
    fields.insert(fields.end(),
                  {std::to_string(judgement.predicted), csv_field(row.predicted_label),
                   fmt::format("{}", judgement.predicted_score),
                   fmt::format("{}", judgement.shown_score), std::to_string(judgement.shown_rank)});
  } else {
    constexpr std::size_t kOfJudgement = 5;
    fields.resize(fields.size() + kOfJudgement);
  }
  fields.push_back(row.error ? csv_field(phrase(*row.error)) : "");
  return fmt::format("{}\n", fmt::join(fields, ","));
}

}  // namespace

void require_per_image_file(const fs::path& file, const fs::path& list,
                            const LabelledImages& labelled) {
  const std::string ending = ending_of(file);
  if (ending != ".csv" && ending != ".jsonl") {
    throw UsageError(
        "--per-image",
        fmt::format("expected a name that ends in .csv or .jsonl, got {}", shown(file)));
  }
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return;
  const auto is_same = [&](const fs::path& other) { return fs::equivalent(file, other, ignored); };
  if (is_same(list) || std::ranges::any_of(labelled.images, is_same, &ImageInput::file)) {
    throw ExistsError(shown(file), "--per-image would overwrite what it describes");
  }
}

PerImageWriter::PerImageWriter(const fs::path& beside, const fs::path& file)
    : beside_(beside), csv_(ending_of(file) == ".csv"), out_(beside, std::ios::binary) {
  if (!out_) throw_io_error(beside_, "cannot write", errno);
  if (csv_) out_ << kHeader;
}

void PerImageWriter::add(const ImageJudgement& row) {
  out_ << (csv_ ? csv_line(row) : dump_json_line(per_image_json(row)) + "\n");
  if (!out_) throw_io_error(beside_, "cannot write", errno);
}

void PerImageWriter::finish() {
  out_.close();
  if (!out_) throw_io_error(beside_, "cannot write", errno);
}

}  // namespace weightlift
