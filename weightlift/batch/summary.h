#pragma once

#include <cstddef>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "weightlift/base/temp_folder.h"
#include "weightlift/batch/ledger.h"

namespace weightlift {

/// The state of a batch over all its shards.
struct BatchSummary {
  std::size_t items = 0;  ///< lines of the manifest
  std::size_t converted = 0, already = 0, failed = 0, missing = 0;
  std::size_t warned = 0;            ///< items with warnings among the converted ones
  std::size_t shards = 1;            ///< of the latest run
  std::vector<LedgerLine> failures;  ///< by line
  std::vector<LedgerLine> absent;    ///< planned, but not done: `status` is empty
  std::vector<Shard> unfinished;     ///< that did not begin with this manifest, or did not end
  AbandonedFolders temporary;        ///< of other machines, in the output folder

  bool complete() const { return failed == 0 && missing == 0 && unfinished.empty(); }
};

/// Takes the newest line of each item over all records in `output`, and compares with the plans of
/// the latest run. An item whose folder is gone counts as missing. Throws NotFoundError where no
/// batch has run. `age`: remove_abandoned_folders().
BatchSummary merge_batch(const std::filesystem::path& output,
                         std::optional<std::chrono::hours> age);

/// The object of `batch`. `source`: the manifest, or the output folder of a merge.
nlohmann::ordered_json to_json(const std::string& source, const BatchSummary& summary);

/// Why a batch is not complete; nothing where it is.
std::optional<Error> failure_of(const BatchSummary& summary);

}  // namespace weightlift
