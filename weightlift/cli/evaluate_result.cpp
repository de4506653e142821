#include "weightlift/cli/evaluate_result.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/cli/log.h"
#include "weightlift/cli/print.h"
#include "weightlift/cli/results.h"

namespace weightlift {

namespace {

using Json = nlohmann::ordered_json;

/// None of no images.
std::optional<double> share(std::int64_t part, std::int64_t whole) {
  if (whole == 0) return {};
  return static_cast<double>(part) / static_cast<double>(whole);
}

/// Absent where there are no images.
void add_shares(Json& json, const Evaluation::Counts& counts) {
  json["images"] = counts.images;
  if (const auto top1 = share(counts.top1, counts.images)) json["top1"] = *top1;
  if (const auto top5 = share(counts.top5, counts.images)) json["top5"] = *top5;
}

std::string_view word_for(MatchedBy by) {
  switch (by) {
    case MatchedBy::kLabel:
      return "label";
    case MatchedBy::kId:
      return "id";
    case MatchedBy::kSynset:
      return "synset";
    case MatchedBy::kOrder:
      return "order";
  }
  return {};
}

Json confusion_json(const Evaluation& evaluation, const ModelConfig& config) {
  Json list = Json::array();
  for (const auto& [pair, count] : evaluation.confusion) {
    list.push_back({{"id", pair.first},
                    {"label", config.label(pair.first)},
                    {"predicted_id", pair.second},
                    {"predicted_label", config.label(pair.second)},
                    {"count", count}});
  }
  return list;
}

void print_counts(const Evaluation::Counts& counts, const std::string& name) {
  put("{:>9} {:>9} {:>9}  {}\n", with_commas(counts.images), percents(counts.top1, counts.images),
      percents(counts.top5, counts.images), name);
}

}  // namespace

std::string percents(std::int64_t part, std::int64_t whole) {
  const std::optional<double> of_whole = share(part, whole);
  return of_whole ? fmt::format("{:.2f} %", 100 * *of_whole) : "-";
}

void warn_about(const LabelledImages& labelled, const ClassMatch& match, const ModelConfig& config,
                const std::string& where) {
  if (!labelled.empty_folders.empty()) {
    log_warning(fmt::format("{}: skipped {} without images, the first: {}", where,
                            labelled.empty_folders.size() == 1
                                ? "one folder"
                                : fmt::format("{} folders", labelled.empty_folders.size()),
                            shown(labelled.empty_folders.front())));
  }
  if (labelled.skipped > 0) {
    log_warning(fmt::format(
        "{}: skipped {}", where,
        labelled.skipped == 1
            ? "1 entry that is not an image of a class"
            : fmt::format("{} entries that are not images of a class", labelled.skipped)));
  }
  if (match.by == MatchedBy::kOrder) {
    log_warning(
        fmt::format("{}: no name is a label of the network; using the sorted names as classes 0 "
                    "to {}, '{}' as {}",
                    where, labelled.labels.size() - 1, printable(labelled.labels.front()),
                    printable(config.label(0))));
  }
}

void print_outcome(const EvaluationOutcome& outcome, const ModelConfig& config) {
  put("{:>9} {:>9} {:>9}  {}\n", "images", "top-1", "top-5", "class");
  for (const auto& [id, counts] : outcome.evaluation.classes) {
    print_counts(counts, fmt::format("{} {}", id, printable(config.label(id), 60)));
  }
  print_counts(outcome.evaluation.all, "all");
  if (outcome.errors > 0) {
    put("{:>9} failed, not counted\n", with_commas(outcome.errors));
  }
}

Json outcome_json(const Subject& subject, const EvaluationOutcome& outcome, std::size_t skipped,
                  MatchedBy matched_by, const ModelConfig& config) {
  Json json = begin_json(subject, outcome.errors == 0 ? "ok" : "failed");
  if (outcome.errors > 0) {
    const std::int64_t all = outcome.evaluation.all.images + outcome.errors;
    json["error"] = to_json(
        FormatError(subject.source, fmt::format("{} of {} images failed", outcome.errors, all)));
  }
  add_shares(json, outcome.evaluation.all);
  json["errors"] = outcome.errors;
  json["skipped"] = skipped;
  json["matched_by"] = word_for(matched_by);
  json["classes"] = Json::array();
  for (const auto& [id, counts] : outcome.evaluation.classes) {
    Json row = {{"id", id}, {"label", config.label(id)}};
    add_shares(row, counts);
    json["classes"].push_back(std::move(row));
  }
  json["confusion"] = confusion_json(outcome.evaluation, config);
  return json;
}

}  // namespace weightlift
