#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

namespace weightlift {

/// With more a mistake is likely, and the number no longer fits the names of the records.
inline constexpr std::size_t kMaxShards = 99'999;

/// One of `count` parts of a batch: the items k with k mod count == index.
struct Shard {
  std::size_t index = 0, count = 1;
  std::string variable = {};  ///< of the environment that named it; empty: none

  bool has(std::size_t item) const { return item % count == index; }
};

/// "3/10"
std::string to_string(const Shard& shard);

/// The part that the user names ("3/10"), else that of a Slurm job array
/// (SLURM_ARRAY_TASK_ID, _MIN, _MAX, _COUNT), else that of an Indexed Job of Kubernetes
/// (JOB_COMPLETION_INDEX) with `shards` parts, else the whole batch. Throws UsageError where these
/// contradict each other, for an array whose ids have gaps, and for an index without `shards`: each
/// process would then do the whole work.
Shard choose_shard(const std::string& given, std::optional<std::size_t> shards,
                   const std::function<std::string(const std::string&)>& variable);

}  // namespace weightlift
