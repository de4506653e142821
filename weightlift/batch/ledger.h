#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "weightlift/base/posix.h"
#include "weightlift/batch/manifest.h"
#include "weightlift/batch/shard.h"

namespace weightlift {

/// The folder of a batch's records in its output folder.
inline constexpr const char* kBatchFolder = ".batch";

/// The key of an item in records: its name, "/line 3" where it has none.
std::string key_of(const std::string& name, std::size_t line);

/// What a record's line says about an item.
struct LedgerLine {
  std::string key;
  std::string time;    ///< UTC, "2026-11-30T18:48:37.123456Z": later times are greater texts
  std::string status;  ///< of docs/json.md
  std::string source, name, folder, output;
  std::size_t line = 0;
  struct Failure {
    std::string kind, where, message;
  };
  std::optional<Failure> error;       ///< of a failed one
  std::vector<std::string> warnings;  ///< the codes of its notes that are warnings

  /// Whether there is nothing left to do.
  bool done() const { return status == "converted" || status == "already"; }
};

/// The line of an item's object; nothing for other JSON.
std::optional<LedgerLine> read_line(const nlohmann::json& object);

/// Calls visit for each line of one shard's record. Skips lines that are no objects of a batch:
/// those that a crash cut, or that two machines wrote at once.
void read_ledger(const std::filesystem::path& file, const std::function<void(LedgerLine&&)>& visit);

/// How far one shard is: "iiiii-of-nnnnn.plan.json" beside its record.
struct ShardPlan {
  std::string manifest;  ///< Manifest::digest
  std::string began;     ///< as LedgerLine::time, of the latest start
  Shard shard;
  bool finished = false;  ///< each item was tried since then
};

/// The record of one shard, which grows by whole lines.
class Ledger {
 public:
  /// Opens or creates the record of the shard in `output`, drops a line at its end that a crash
  /// cut, and writes the plan. Throws IoError.
  Ledger(const std::filesystem::path& output, const Manifest& manifest, const Shard& shard);

  /// Appends the object of an item as one line, and waits until it is on the disk. Leaves an item
  /// alone that is up to date and recorded as done. Throws IoError.
  void append(const nlohmann::ordered_json& json, const std::string& key);

  /// Marks the plan as finished.
  void finish();

  const std::filesystem::path& path() const { return path_; }

 private:
  void read_done(const std::filesystem::path& folder, const Manifest& manifest);
  void write_plan() const;

  std::filesystem::path path_, plan_path_;
  Descriptor file_;
  ShardPlan plan_;
  std::unordered_map<std::string, bool> done_;  ///< by key: the newest line is a success
};

/// The items of the latest manifest, and what the shards say about them.
struct LedgerFiles {
  std::string manifest;                        ///< Manifest::digest
  std::vector<BatchItem> items;                ///< without `text`
  std::vector<ShardPlan> plans;                ///< also of older manifests
  std::vector<std::filesystem::path> records;  ///< also of another number of shards
};

/// The files of a batch in an output folder. Throws NotFoundError where there are none.
LedgerFiles find_ledgers(const std::filesystem::path& output);

/// The time now, as LedgerLine::time.
std::string utc_now();

}  // namespace weightlift
