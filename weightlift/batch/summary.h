#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "weightlift/base/temp_folder.h"
#include "weightlift/batch/ledger.h"

namespace weightlift {

/// A shard that is not done, and why.
struct UnfinishedShard {
  Shard shard;
  std::string reason;  ///< "did not begin", "began with another manifest", "did not end"
};

/// The state of a batch over all its shards, or what a run did with those of one.
struct BatchSummary {
  std::size_t items = 0;  ///< lines of the manifest
  std::size_t converted = 0, already = 0;
  std::size_t shards = 1;                       ///< of the latest run
  std::size_t warned = 0;                       ///< items that are done, with warnings
  std::map<std::string, std::size_t> warnings;  ///< how many items have a code
  std::vector<LedgerLine> failures;             ///< by line
  std::vector<BatchItem> missing;               ///< neither done nor failed; by line
  std::vector<UnfinishedShard> unfinished;
  AbandonedFolders temporary;  ///< of other machines, in the output folder

  bool complete() const { return failures.empty() && missing.empty() && unfinished.empty(); }

  /// Counts an item that has a line.
  void count(LedgerLine line);
};

/// Takes the newest line of each item of the latest manifest, over all records in `output`. An item
/// whose folder is gone counts as missing. Throws NotFoundError where no batch has run. `age`:
/// remove_abandoned_folders().
BatchSummary merge_batch(const std::filesystem::path& output,
                         std::optional<std::chrono::hours> age);

/// The object of `batch`. `source`: the manifest, or the output folder of a merge.
nlohmann::ordered_json to_json(const std::string& source, const BatchSummary& summary);

/// "KIND: WHERE: MESSAGE"
std::string to_string(const LedgerLine::Failure& error);

/// Why a batch is not complete; nothing where it is.
std::optional<Error> failure_of(const BatchSummary& summary);

}  // namespace weightlift
