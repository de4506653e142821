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

/// The plan of the latest start.
const ShardPlan& latest(const std::vector<ShardPlan>& plans) {
  return *std::ranges::max_element(plans, {}, &ShardPlan::began);
}

/// The shards of the latest run that are not done.
std::vector<UnfinishedShard> unfinished_of(const LedgerFiles& files) {
  const std::size_t count = latest(files.plans).shard.count;
  std::map<std::size_t, const ShardPlan*> plans;
  for (const ShardPlan& plan : files.plans) {
    if (plan.shard.count == count) plans[plan.shard.index] = &plan;
  }
  std::vector<UnfinishedShard> unfinished;
  for (std::size_t index = 0; index < count; ++index) {
    const auto found = plans.find(index);
    const char* reason = nullptr;
    if (found == plans.end()) {
      reason = "did not begin";
    } else if (found->second->manifest != files.manifest) {
      reason = "began with another manifest";
    } else if (!found->second->finished) {
      reason = "did not end";
    }
    if (reason != nullptr) unfinished.push_back({{index, count}, reason});
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

Json failures_json(const std::vector<LedgerLine>& failures) {
  Json list = Json::array();
  for (const LedgerLine& line : failures) {
    const LedgerLine::Failure error = line.error.value_or(LedgerLine::Failure());
    list.push_back(
        {{"name", line.name},
         {"source", line.source},
         {"line", line.line},
         {"error", {{"kind", error.kind}, {"where", error.where}, {"message", error.message}}}});
  }
  return list;
}

Json missing_json(const std::vector<BatchItem>& items) {
  Json list = Json::array();
  for (const BatchItem& item : items) {
    list.push_back({{"name", item.name}, {"source", item.source}, {"line", item.line}});
  }
  return list;
}

}  // namespace

void BatchSummary::count(LedgerLine line) {
  if (!line.done()) {
    failures.push_back(std::move(line));
    return;
  }
  ++(line.status == "converted" ? converted : already);
  if (!line.warnings.empty()) ++warned;
  const std::set<std::string> codes(line.warnings.begin(), line.warnings.end());
  for (const std::string& code : codes) ++warnings[code];
}

std::string to_string(const LedgerLine::Failure& error) {
  std::string text = error.kind;
  for (const std::string* part : {&error.where, &error.message}) {
    if (!part->empty()) text += ": " + *part;
  }
  return text;
}

BatchSummary merge_batch(const fs::path& output, std::optional<std::chrono::hours> age) {
  const LedgerFiles files = find_ledgers(output);
  auto newest = newest_lines(files.records);
  BatchSummary summary;
  summary.shards = latest(files.plans).shard.count;
  summary.items = files.items.size();
  summary.unfinished = unfinished_of(files);
  for (const BatchItem& item : files.items) {
    const auto found = newest.find(key_of(item.name, item.line));
    if (found == newest.end() || (found->second.done() && is_gone(output, found->second))) {
      summary.missing.push_back(item);
    } else {
      summary.count(found->second);
    }
  }
  summary.temporary = remove_abandoned_folders(output, age);
  return summary;
}

std::optional<Error> failure_of(const BatchSummary& summary) {
  if (summary.complete()) return std::nullopt;
  std::string text;
  const auto add = [&](std::size_t count, const char* what) {
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, what);
  };
  add(summary.failures.size(), "failed");
  add(summary.missing.size(), "missing");
  add(summary.unfinished.size(),
      summary.unfinished.size() == 1 ? "shard not finished" : "shards not finished");
  return Error(summary.failures.empty() ? ErrorKind::kNotFound : ErrorKind::kMismatch, "",
               fmt::format("of {} item{}: {}", summary.items, summary.items == 1 ? "" : "s", text));
}

Json to_json(const std::string& source, const BatchSummary& summary) {
  const std::optional<Error> error = failure_of(summary);
  Json json = begin_json({"batch", source}, error ? "failed" : "ok");
  if (error) json["error"] = to_json(*error);
  json["items"] = summary.items;
  json["converted"] = summary.converted;
  json["already"] = summary.already;
  json["failed"] = summary.failures.size();
  json["missing"] = summary.missing.size();
  json["warned"] = summary.warned;
  json["warnings"] = summary.warnings;
  json["shards"] = summary.shards;
  json["unfinished_shards"] = Json::array();
  for (const UnfinishedShard& unfinished : summary.unfinished) {
    json["unfinished_shards"].push_back(to_string(unfinished.shard));
  }
  json["failures"] = failures_json(summary.failures);
  json["missing_items"] = missing_json(summary.missing);
  json["temporary_folders"] = {{"removed", summary.temporary.removed},
                               {"kept", summary.temporary.kept}};
  return json;
}

}  // namespace weightlift
