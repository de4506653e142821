#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>

#include "weightlift/batch/manifest.h"
#include "weightlift/batch/shard.h"
#include "weightlift/batch/summary.h"
#include "weightlift/job/conversions.h"
#include "weightlift/report/convert_options.h"

namespace weightlift {

/// One process's share of a batch.
struct BatchRequest {
  Manifest manifest;
  Shard shard;
  int jobs = 1;                    ///< processes at once; 1: this one
  std::uint64_t memory_bytes = 0;  ///< of all of them
  ConvertOptions defaults;         ///< of all items, with the output folder
};

/// What the program adds. `check` and `exit_code` are also called in workers.
struct BatchHooks {
  std::function<void()> check;           ///< throws to stop
  std::function<void()> prepare_worker;  ///< at the start of a worker process
  /// The exit code of an item that failed. `error`: failure_of(record).
  std::function<int(const ConversionRecord& record, const Error& error)> exit_code;
  /// An item is done and recorded. `json`: its line.
  std::function<void(const BatchItem& item, const nlohmann::ordered_json& json, int code)> done;
};

/// Items of the shard.
std::size_t count_items(const BatchRequest& request);

/// Converts the shard's items, and records each (Ledger), or only plans them in a dry run. Whatever
/// fails is in the records and in the summary, which counts the shard alone. Throws IoError where
/// the records cannot be written, and what `check` throws; items that it stopped have no record.
BatchSummary run_batch(const BatchRequest& request, const BatchHooks& hooks);

}  // namespace weightlift
