#include "weightlift/batch/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>
#include <utility>

#include "weightlift/report/json_object.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// The plans of the latest run: its manifest, and its number of shards.
std::vector<ShardPlan> latest_run(std::vector<ShardPlan> plans) {
  const auto newest = std::ranges::max_element(plans, {}, &ShardPlan::began);
  const std::string manifest = newest->manifest;
  const std::size_t count = newest->shard.count;
  std::erase_if(plans, [&](const ShardPlan& plan) {
    return plan.manifest != manifest || plan.shard.count != count;
  });
  return plans;
}

std::vector<Shard> unfinished_of(const std::vector<ShardPlan>& plans) {
  std::vector<Shard> unfinished;
  std::set<std::size_t> finished;
  for (const ShardPlan& plan : plans) {
    if (plan.finished) finished.insert(plan.shard.index);
  }
  const std::size_t count = plans.front().shard.count;
  for (std::size_t index = 0; index < count; ++index) {
    if (!finished.contains(index)) unfinished.push_back({index, count});
  }
  return unfinished;
}

/// Whether the folder that the line names is gone. Its output folder may have another path here.
bool is_gone(const fs::path& output, const LedgerLine& line) {
  const bool in_output = !line.name.empty() && !line.folder.empty() &&
                         fs::path(line.output) / line.name == fs::path(line.folder);
  std::error_code ignored;
  return in_output && !fs::is_directory(output / line.name, ignored);
}

void count_item(const fs::path& output, const ShardPlan::Item& item, const LedgerLine* line,
                BatchSummary& summary) {
  if (line == nullptr || (line->done() && is_gone(output, *line))) {
    LedgerLine absent;
    absent.name = item.name;
    absent.source = item.source;
    absent.line = item.line;
    absent.key = key_of(item.name, item.line);
    summary.absent.push_back(std::move(absent));
    return;
  }
  if (!line->done()) {
    summary.failures.push_back(*line);
    return;
  }
  ++(line->status == "converted" ? summary.converted : summary.already);
  if (line->warnings) ++summary.warned;
}

/// The newest line of each item. `already` keeps the warnings of the conversion before it.
std::unordered_map<std::string, LedgerLine> newest_lines(const std::vector<fs::path>& records) {
  std::unordered_map<std::string, LedgerLine> newest, converted;
  for (const fs::path& record : records) {
    read_ledger(record, [&](LedgerLine&& line) {
      if (line.status == "converted" && line.time >= converted[line.key].time) {
        converted[line.key] = line;
      }
      LedgerLine& known = newest[line.key];
      if (line.time >= known.time) known = std::move(line);
    });
  }
  for (auto& [key, line] : newest) {
    if (line.status == "already") line.warnings = converted[key].warnings;
  }
  return newest;
}

Json items_json(const std::vector<LedgerLine>& lines) {
  Json list = Json::array();
  for (const LedgerLine& line : lines) {
    Json json = {{"name", line.name}, {"source", line.source}, {"line", line.line}};
    if (!line.error.empty()) json["error"] = line.error;
    list.push_back(std::move(json));
  }
  return list;
}

}  // namespace

BatchSummary merge_batch(const fs::path& output, std::optional<std::chrono::hours> age) {
  const LedgerFiles files = find_ledgers(output);
  const auto newest = newest_lines(files.records);
  BatchSummary summary;
  const std::vector<ShardPlan> plans = latest_run(files.plans);
  summary.shards = plans.front().shard.count;
  summary.items = plans.front().total;
  summary.unfinished = unfinished_of(plans);
  for (const ShardPlan& plan : plans) {
    for (const ShardPlan::Item& item : plan.items) {
      const auto found = newest.find(key_of(item.name, item.line));
      count_item(output, item, found == newest.end() ? nullptr : &found->second, summary);
    }
  }
  for (auto* lines : {&summary.failures, &summary.absent}) {
    std::ranges::sort(*lines, {}, &LedgerLine::line);
  }
  summary.failed = summary.failures.size();
  // With those of shards that have not begun.
  const std::size_t seen = summary.converted + summary.already + summary.failed;
  summary.missing = summary.items - std::min(summary.items, seen);
  summary.temporary = remove_abandoned_folders(output, age);
  return summary;
}

std::optional<Error> failure_of(const BatchSummary& summary) {
  if (summary.complete()) return std::nullopt;
  std::string text;
  const auto add = [&](std::size_t count, const char* what) {
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, what);
  };
  add(summary.failed, "failed");
  add(summary.missing, "missing");
  add(summary.unfinished.size(), "parts not finished");
  return Error(summary.failed > 0 ? ErrorKind::kMismatch : ErrorKind::kNotFound, "",
               fmt::format("of {} items: {}", summary.items, text));
}

Json to_json(const std::string& source, const BatchSummary& summary) {
  const std::optional<Error> error = failure_of(summary);
  Json json = begin_json({"batch", source}, error ? "failed" : "ok");
  if (error) json["error"] = to_json(*error);
  json["items"] = summary.items;
  json["converted"] = summary.converted;
  json["already"] = summary.already;
  json["failed"] = summary.failed;
  json["missing"] = summary.missing;
  json["warned"] = summary.warned;
  json["shards"] = summary.shards;
  json["unfinished_shards"] = Json::array();
  for (const Shard& shard : summary.unfinished) {
    json["unfinished_shards"].push_back(to_string(shard));
  }
  json["failures"] = items_json(summary.failures);
  json["missing_items"] = items_json(summary.absent);
  json["temporary_folders"] = {{"removed", summary.temporary.removed},
                               {"kept", summary.temporary.kept}};
  return json;
}

}  // namespace weightlift
