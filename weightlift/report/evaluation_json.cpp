#include "weightlift/report/evaluation_json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "weightlift/report/phrase.h"

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

}  // namespace

Json per_image_json(const ImageJudgement& row) {
  Json json = {{"file", row.file.string()}, {"id", row.id}, {"label", row.label}};
  if (row.judgement) {
    json["predicted_id"] = row.judgement->predicted;
    json["predicted_label"] = row.predicted_label;
    json["score"] = static_cast<double>(row.judgement->predicted_score);
    json["label_score"] = static_cast<double>(row.judgement->shown_score);
    json["rank"] = row.judgement->shown_rank;
  }
  if (row.error) json["error"] = phrase(*row.error);
  return json;
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
