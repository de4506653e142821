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

/// "lines 3: runs/7/model.pth: ..."
std::string describe_failure(const BatchItem& item, const Json& error) {
  const std::string where = text_of(error, "where");
  std::string text = fmt::format("line {}: ", item.line);
  if (!item.source.empty() && !where.starts_with(item.source)) text += item.source + ": ";
  if (!where.empty() && where != fmt::format("line {}", item.line)) text += where + ": ";
  return text + text_of(error, "message");
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
  if (!line.error.empty()) text += ": " + line.error;
  return text;
}

/// What follows the folder's name in the line of an item.
std::string describe_status(const Json& line) {
  const std::string status = text_of(line, "status");
  std::string text = status == "already"   ? ", up to date"
                     : status == "skipped" ? ", not written (dry run)"
                                           : "";
  if (line.contains("published")) {
    text += fmt::format(", published to {}", text_of(line.at("published"), "repo_id"));
  }
  return text;
}

}  // namespace

BatchOutput::BatchOutput(std::string name, std::size_t count, bool json)
    : status_(std::move(name)), count_(count), json_(json) {
  status_.begin("convert", count, false);
}

void BatchOutput::show(const BatchItem& item, const Json& line, int code) {
  status_.clear();
  ++done_;
  code_ = worse(code_, code);
  if (line.contains("error")) {
    log_error(describe_failure(item, line.at("error")));
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
  put("{:>10} {:>10} {:>10} {:>10} {:>10}\n", "items", "converted", "up to date", "failed",
      "missing");
  put("{:>10} {:>10} {:>10} {:>10} {:>10}\n", summary.items, summary.converted, summary.already,
      summary.failed, summary.missing);
  if (summary.warned > 0) {
    put("{} with warnings: see notes in the records\n", summary.warned);
  }
  print_some("failed", summary.failures, describe_line);
  print_some("missing", summary.absent, describe_line);
  print_some("parts that did not finish", summary.unfinished,
             [](const Shard& shard) { return to_string(shard); });
  const auto itself = [](const std::string& name) { return printable(name, 400); };
  print_some("temporary folders of other machines, removed", summary.temporary.removed, itself);
  print_some("temporary folders of other machines, kept", summary.temporary.kept, itself);
}

}  // namespace weightlift
