#include "weightlift/batch/ledger.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "weightlift/base/bytes.h"
#include "weightlift/base/file.h"
#include "weightlift/base/json.h"
#include "weightlift/base/message.h"
#include "weightlift/base/temp_folder.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;
using Parsed = nlohmann::json;

constexpr const char* kPlanSchema = "weightlift-plan/1";
constexpr std::string_view kRecordEnding = ".jsonl", kPlanEnding = ".plan.json";
// A million items of 200 bytes, with the same caps as manifests.
constexpr std::size_t kMaxPlanBytes = std::size_t{512} << 20;

std::string file_name(const Shard& shard, std::string_view ending) {
  return fmt::format("{:05}-of-{:05}{}", shard.index, shard.count, ending);
}

std::string text_in(const Parsed& object, const char* name) {
  const Parsed* member = find_member(object, name);
  return member != nullptr && member->is_string() ? member->get<std::string>() : "";
}

std::size_t count_in(const Parsed& object, const char* name) {
  const Parsed* member = find_member(object, name);
  return member != nullptr && member->is_number_unsigned() ? member->get<std::size_t>() : 0;
}

/// "not_found: runs/7/model.pth: no such file or folder"
std::string describe_error(const Parsed& object) {
  const Parsed* error = find_member(object, "error");
  if (error == nullptr || !error->is_object()) return "";
  std::string text = text_in(*error, "kind");
  for (const char* const part : {"where", "message"}) {
    const std::string words = text_in(*error, part);
    if (!words.empty()) text += ": " + words;
  }
  return text;
}

bool has_warnings(const Parsed& object) {
  const Parsed* notes = find_member(object, "notes");
  return notes != nullptr && notes->is_array() &&
         std::ranges::any_of(*notes, [](const Parsed& note) {
           return note.is_object() && text_in(note, "severity") == "warning";
         });
}

std::optional<LedgerLine> parse_ledger_line(std::string_view text) {
  Parsed json;
  try {
    json = parse_json(text, "");
  } catch (const Error&) {
    return std::nullopt;
  }
  LedgerLine line;
  line.time = text_in(json, "time");
  line.status = text_in(json, "status");
  line.line = count_in(json, "line");
  if (!json.is_object() || line.time.empty() || line.status.empty()) return std::nullopt;
  line.name = text_in(json, "name");
  line.key = key_of(line.name, line.line);
  line.source = text_in(json, "source");
  line.folder = text_in(json, "folder");
  const Parsed* options = find_member(json, "options");
  if (options != nullptr && options->is_object()) line.output = text_in(*options, "output");
  line.error = describe_error(json);
  line.warnings = has_warnings(json);
  return line;
}

/// Creates the folder, whose parent may also be missing.
void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw_io_error(folder, "cannot create the folder", error.value());
}

/// Opens a record, creates it where it is missing, and drops what follows its last line.
Descriptor open_record(const fs::path& path) {
  constexpr mode_t kByUmask = 0666;
  Descriptor file(
      ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, kByUmask));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) throw_io_error(path, "cannot open", errno);
  require_regular(path, status);
  const auto mapped = MappedFile::open(path);
  const std::string_view text(reinterpret_cast<const char*>(mapped->bytes().data()),
                              mapped->bytes().size());
  const std::size_t whole = text.rfind('\n') == text.npos ? 0 : text.rfind('\n') + 1;
  if (whole != text.size() && ::ftruncate(file.get(), static_cast<off_t>(whole)) != 0) {
    throw_io_error(path, "cannot drop its cut last line", errno);
  }
  return file;
}

Parsed plan_json(const ShardPlan& plan) {
  Parsed items = Parsed::array();
  for (const ShardPlan::Item& item : plan.items) {
    items.push_back({{"name", item.name}, {"source", item.source}, {"line", item.line}});
  }
  return {{"schema", kPlanSchema},     {"manifest", plan.manifest}, {"began", plan.began},
          {"index", plan.shard.index}, {"count", plan.shard.count}, {"total", plan.total},
          {"finished", plan.finished}, {"items", std::move(items)}};
}

std::optional<ShardPlan> read_plan(const fs::path& file) {
  try {
    const Parsed json = parse_json(read_text_file(file, kMaxPlanBytes), shown(file));
    if (get_string(json, "schema", "", "") != kPlanSchema) return std::nullopt;
    ShardPlan plan;
    plan.manifest = text_in(json, "manifest");
    plan.began = text_in(json, "began");
    plan.shard = {count_in(json, "index"), count_in(json, "count")};
    plan.total = count_in(json, "total");
    plan.finished = get_bool(json, "finished", "", false);
    const Parsed* items = find_member(json, "items");
    if (items == nullptr || !items->is_array() || plan.shard.index >= plan.shard.count) {
      return std::nullopt;
    }
    for (const Parsed& item : *items) {
      plan.items.push_back(
          {text_in(item, "name"), text_in(item, "source"), count_in(item, "line")});
    }
    return plan;
  } catch (const Error&) {
    return std::nullopt;  // as if it were missing
  }
}

}  // namespace

std::string key_of(const std::string& name, std::size_t line) {
  return name.empty() ? fmt::format("line {}", line) : name;
}

std::string utc_now() {
  using std::chrono::duration_cast;
  const auto now = std::chrono::system_clock::now();
  const auto whole = std::chrono::floor<std::chrono::seconds>(now);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(whole)),
                     duration_cast<std::chrono::microseconds>(now - whole).count());
}

void read_ledger(const fs::path& file, const std::function<void(LedgerLine&&)>& visit) {
  const auto mapped = MappedFile::open(file);
  std::string_view text(reinterpret_cast<const char*>(mapped->bytes().data()),
                        mapped->bytes().size());
  for (std::size_t end = 0; (end = text.find('\n')) != text.npos; text.remove_prefix(end + 1)) {
    if (auto line = parse_ledger_line(text.substr(0, end))) visit(*std::move(line));
  }
}

Ledger::Ledger(const fs::path& output, const Manifest& manifest, const Shard& shard)
    : plan_{manifest.digest, utc_now(), shard, manifest.items.size()} {
  const fs::path folder = output / kBatchFolder;
  make_folder(folder);
  path_ = folder / file_name(shard, kRecordEnding);
  plan_path_ = folder / file_name(shard, kPlanEnding);
  file_ = open_record(path_);
  for (std::size_t i = 0; i < manifest.items.size(); ++i) {
    const BatchItem& item = manifest.items[i];
    if (shard.has(i)) plan_.items.push_back({item.name, item.source, item.line});
  }
  read_ledger(path_, [&](LedgerLine&& line) { done_[line.key] = line.done(); });
  write_plan();
  sync_names(folder);
  sync_names(folder / "..");
}

void Ledger::write_plan() const {
  write_atomically(plan_path_,
                   plan_json(plan_).dump(-1, ' ', false, Parsed::error_handler_t::replace) + "\n");
}

void Ledger::append(const nlohmann::ordered_json& json, const std::string& key) {
  const std::string status = json.at("status");
  bool& done = done_[key];
  if (done && status == "already") return;
  std::string text = dump_json_line(json) + "\n";
  std::string_view rest = text;
  while (!rest.empty()) {  // one call, but for signals and full disks
    const ssize_t written = ::write(file_.get(), rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_io_error(path_, "cannot write", errno);
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(file_.get()) != 0) throw_io_error(path_, "cannot sync", errno);
  done = status == "converted" || status == "already";
}

void Ledger::finish() {
  plan_.finished = true;
  write_plan();
}

LedgerFiles find_ledgers(const fs::path& output) {
  const fs::path folder = output / kBatchFolder;
  LedgerFiles found;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename();
    if (name.starts_with('.')) continue;  // a plan that is being written
    if (name.ends_with(kPlanEnding)) {
      if (auto plan = read_plan(entry->path())) found.plans.push_back(*std::move(plan));
    } else if (name.ends_with(kRecordEnding)) {
      found.records.push_back(entry->path());
    }
  }
  if (found.plans.empty()) {
    throw NotFoundError(shown(folder), "no batch has written into this folder");
  }
  std::ranges::sort(found.records);
  return found;
}

}  // namespace weightlift
