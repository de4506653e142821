#include "weightlift/cli/batch_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "weightlift/base/message.h"
#include "weightlift/cli/exit_code.h"
#include "weightlift/cli/json_output.h"
#include "weightlift/cli/log.h"
#include "weightlift/cli/print.h"
#include "weightlift/cli/results.h"

namespace weightlift {

namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

/// "runs/7/model.pth: ..." behind "manifest.jsonl:3: "
std::string describe_failure(const BatchItem& item, const Json& error) {
  const std::string where = text_of(error, "where");
  std::string text;
  if (!item.source.empty() && !where.starts_with(item.source)) text += item.source + ": ";
  if (!where.empty() && where != fmt::format("line {}", item.line)) text += where + ": ";
  return text + text_of(error, "message");
}

/// Notes and warnings of an item, for logs: hundreds of items have the same ones.
void log_notes(const std::string& place, const Json& line) {
  const auto notes = line.find("notes");
  if (notes == line.end()) return;
  for (const Json& note : *notes) {
    log_detail(
        fmt::format("{}: {}: {}", place, text_of(note, "severity"), text_of(note, "message")));
  }
}

/// At most so many lines of a kind, and how many more there are.
template <class Item, class Describe>
void print_some(const char* title, const std::vector<Item>& items, const Describe& describe) {
  constexpr std::size_t kMost = 20;
  if (items.empty()) return;
  put("{}:\n", title);
  for (std::size_t i = 0; i < std::min(items.size(), kMost); ++i) put("  {}\n", describe(items[i]));
  if (items.size() > kMost) put("  and {} more\n", items.size() - kMost);
}

std::string describe_line(const LedgerLine& line) {
  const std::string name = line.name.empty() ? fmt::format("line {}", line.line) : line.name;
  std::string text = line.source.empty() ? name : fmt::format("{} ({})", name, line.source);
  if (line.error) text += ": " + to_string(*line.error);
  return text;
}

std::string describe_missing(const BatchItem& item) {
  LedgerLine line;
  line.source = item.source;
  line.name = item.name;
  line.line = item.line;
  return describe_line(line);
}

/// What follows the folder's name in the line of an item.
std::string describe_status(const Json& line) {
  const std::string status = text_of(line, "status");
  std::string reason;
  for (const Json& note : line.at("notes")) {
    if (text_of(note, "code") == to_string(NoteCode::kConvertedAgain)) {
      reason = fmt::format(" ({})", text_of(note.at("parameters"), "reason"));
    }
  }
  std::string text = status == "already"   ? ", up to date"
                     : status == "skipped" ? ", not written (dry run)"
                                           : reason;
  if (line.contains("published")) {
    text += fmt::format(", published to {}", text_of(line.at("published"), "repo_id"));
  }
  return text;
}

}  // namespace

BatchOutput::BatchOutput(std::string name, std::size_t count, bool json)
    : name_(std::move(name)), status_(name_), count_(count), json_(json) {
  status_.begin("convert", count, false);
}

void BatchOutput::show(const BatchItem& item, const Json& line, int code) {
  status_.clear();
  ++done_;
  code_ = worse(code_, code);
  const std::string place = fmt::format("{}:{}", name_, item.line);
  log_notes(place, line);
  if (line.contains("error")) {
    log_error(fmt::format("{}: {}", place, describe_failure(item, line.at("error"))));
  } else if (!json_) {
    const std::string folder = text_of(line, "folder");
    put("[{}/{}] {} -> {}{}\n", done_, count_, item.source, folder, describe_status(line));
  }
  if (json_) print_json(line);
  flush_results();
  status_.show(done_);
}

void print_summary(const std::string& source, const BatchSummary& summary, bool json) {
  if (json) {
    print_json(to_json(source, summary));
    return;
  }
  put("{:>9} {:>9} {:>9} {:>9}\n", "items", "done", "failed", "missing");
  put("{:>9} {:>9} {:>9} {:>9}\n", summary.items, summary.converted + summary.already,
      summary.failures.size(), summary.missing.size());
  for (const auto& [code, count] : summary.warnings) put("warning {}: {}\n", code, count);
  print_some("failed", summary.failures, describe_line);
  print_some("missing", summary.missing, describe_missing);
  print_some("shards that are not finished", summary.unfinished,
             [](const UnfinishedShard& unfinished) {
               return fmt::format("{} ({})", to_string(unfinished.shard), unfinished.reason);
             });
  const auto itself = [](const std::string& name) { return printable(name, 400); };
  print_some("temporary folders of other machines, removed", summary.temporary.removed, itself);
  print_some("temporary folders of other machines, kept", summary.temporary.kept, itself);
}

}  // namespace weightlift
