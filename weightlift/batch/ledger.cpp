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
constexpr const char* kItemsSchema = "weightlift-items/1";
constexpr const char* kItemsFile = "manifest.json";
constexpr std::string_view kRecordEnding = ".jsonl", kPlanEnding = ".plan.json";
// A million items of 200 bytes, with the same caps as manifests.
constexpr std::size_t kMaxItemsBytes = std::size_t{512} << 20;

std::string file_name(const Shard& shard, std::string_view ending) {
  return fmt::format("{:05}-of-{:05}{}", shard.index, shard.count, ending);
}

std::size_t count_in(const Parsed& object, const char* name) {
  const Parsed* member = find_member(object, name);
  return member != nullptr && member->is_number_unsigned() ? member->get<std::size_t>() : 0;
}

std::optional<LedgerLine::Failure> failure_in(const Parsed& object) {
  const Parsed* error = find_member(object, "error");
  if (error == nullptr || !error->is_object()) return std::nullopt;
  return LedgerLine::Failure{text_in(*error, "kind"), text_in(*error, "where"),
                             text_in(*error, "message")};
}

std::vector<std::string> warnings_in(const Parsed& object) {
  std::vector<std::string> codes;
  const Parsed* notes = find_member(object, "notes");
  if (notes == nullptr || !notes->is_array()) return codes;
  for (const Parsed& note : *notes) {
    if (note.is_object() && text_in(note, "severity") == "warning") {
      codes.push_back(text_in(note, "code"));
    }
  }
  return codes;
}

std::optional<LedgerLine> parse_ledger_line(std::string_view text) {
  try {
    return read_line(parse_json(text, ""));
  } catch (const Error&) {
    return std::nullopt;
  }
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
  return {{"schema", kPlanSchema},     {"manifest", plan.manifest}, {"began", plan.began},
          {"index", plan.shard.index}, {"count", plan.shard.count}, {"finished", plan.finished}};
}

Parsed items_json(const Manifest& manifest) {
  Parsed items = Parsed::array();
  for (const BatchItem& item : manifest.items) {
    items.push_back({{"name", item.name}, {"source", item.source}, {"line", item.line}});
  }
  return {{"schema", kItemsSchema}, {"manifest", manifest.digest}, {"items", std::move(items)}};
}

void write_json(const fs::path& path, const Parsed& json) {
  const std::string text = json.dump(-1, ' ', false, Parsed::error_handler_t::replace);
  write_atomically(path, printable(text, text.size()) + "\n");  // without secrets
}

/// A file of this schema; null where it is missing or damaged.
Parsed read_json(const fs::path& file, std::string_view schema) {
  try {
    Parsed json = parse_json(read_text_file(file, kMaxItemsBytes), shown(file));
    if (json.is_object() && text_in(json, "schema") == schema) return json;
  } catch (const Error&) {
    return nullptr;
  }
  return nullptr;
}

std::optional<ShardPlan> read_plan(const fs::path& file) {
  const Parsed json = read_json(file, kPlanSchema);
  if (json.is_null()) return std::nullopt;
  ShardPlan plan{text_in(json, "manifest"),
                 text_in(json, "began"),
                 {count_in(json, "index"), count_in(json, "count")}};
  const Parsed* finished = find_member(json, "finished");
  plan.finished = finished != nullptr && *finished == true;
  if (plan.shard.index >= plan.shard.count || plan.shard.count > kMaxShards) return std::nullopt;
  return plan;
}

/// The records of all shards, sorted.
std::vector<fs::path> list_records(const fs::path& folder) {
  std::vector<fs::path> records;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename();
    if (!name.starts_with('.') && name.ends_with(kRecordEnding)) records.push_back(entry->path());
  }
  std::ranges::sort(records);
  return records;
}

/// Writes the items, unless another shard has done it.
void write_items(const fs::path& file, const Manifest& manifest) {
  const Parsed known = read_json(file, kItemsSchema);
  if (known.is_null() || text_in(known, "manifest") != manifest.digest) {
    write_json(file, items_json(manifest));
  }
}

}  // namespace

std::string key_of(const std::string& name, std::size_t line) {
  return name.empty() ? fmt::format("/line {}", line) : name;
}

std::string utc_now() {
  using std::chrono::duration_cast;
  const auto now = std::chrono::system_clock::now();
  const auto whole = std::chrono::floor<std::chrono::seconds>(now);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(whole)),
                     duration_cast<std::chrono::microseconds>(now - whole).count());
}

std::optional<LedgerLine> read_line(const nlohmann::json& object) {
  if (!object.is_object()) return std::nullopt;
  LedgerLine line;
  line.time = text_in(object, "time");
  line.status = text_in(object, "status");
  if (line.time.empty() || line.status.empty()) return std::nullopt;
  line.line = count_in(object, "line");
  line.name = text_in(object, "name");
  line.key = key_of(line.name, line.line);
  line.source = text_in(object, "source");
  line.folder = text_in(object, "folder");
  const Parsed* options = find_member(object, "options");
  if (options != nullptr && options->is_object()) line.output = text_in(*options, "output");
  line.error = failure_in(object);
  line.warnings = warnings_in(object);
  return line;
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
    : plan_{manifest.digest, utc_now(), shard} {
  const fs::path folder = output / kBatchFolder;
  make_folder(folder);
  path_ = folder / file_name(shard, kRecordEnding);
  plan_path_ = folder / file_name(shard, kPlanEnding);
  file_ = open_record(path_);
  write_items(folder / kItemsFile, manifest);
  read_done(folder, manifest);
  write_plan();
  sync_names(folder);
  sync_names(folder / "..");
}

/// Also from other shards' records: the number of shards may have been another one.
void Ledger::read_done(const fs::path& folder, const Manifest& manifest) {
  std::unordered_map<std::string, std::string> times;
  for (std::size_t i = 0; i < manifest.items.size(); ++i) {
    const BatchItem& item = manifest.items[i];
    if (plan_.shard.has(i)) times.emplace(key_of(item.name, item.line), "");
  }
  for (const fs::path& record : list_records(folder)) {
    read_ledger(record, [&](LedgerLine&& line) {
      const auto known = times.find(line.key);
      if (known == times.end() || line.time < known->second) return;
      known->second = line.time;
      done_[line.key] = line.done();
    });
  }
}

void Ledger::write_plan() const { write_json(plan_path_, plan_json(plan_)); }

void Ledger::append(const nlohmann::ordered_json& json, const std::string& key) {
  const std::string status = json.at("status");
  bool& done = done_[key];
  if (done && status == "already") return;
  const std::string line = dump_json_line(json);
  const std::string text = printable(line, line.size()) + "\n";  // without secrets
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
    // A dot begins the name of a plan that is being written.
    if (name.starts_with('.') || !name.ends_with(kPlanEnding)) continue;
    if (auto plan = read_plan(entry->path())) found.plans.push_back(*std::move(plan));
  }
  const Parsed items = read_json(folder / kItemsFile, kItemsSchema);
  const Parsed* list = items.is_null() ? nullptr : find_member(items, "items");
  if (found.plans.empty() || list == nullptr || !list->is_array()) {
    throw NotFoundError(shown(folder), "no batch has written into this folder");
  }
  found.manifest = text_in(items, "manifest");
  for (const Parsed& item : *list) {
    if (!item.is_object()) continue;
    found.items.push_back(
        {count_in(item, "line"), "", text_in(item, "source"), text_in(item, "name")});
  }
  found.records = list_records(folder);
  return found;
}

}  // namespace weightlift
