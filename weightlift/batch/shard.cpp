#include "weightlift/batch/shard.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "weightlift/base/message.h"

namespace weightlift {

namespace {

std::optional<std::size_t> to_number(std::string_view text) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole ? std::optional(number) : std::nullopt;
}

Hints give_shard(const std::string& example = "") {
  return {
      {HintCode::kGiveShard, example.empty() ? std::vector<std::string>() : std::vector{example}}};
}

Shard parse_shard(const std::string& given) {
  const std::size_t slash = given.find('/');
  const auto index = to_number(std::string_view(given).substr(0, std::min(slash, given.size())));
  const auto count =
      slash == given.npos ? std::nullopt : to_number(std::string_view(given).substr(slash + 1));
  if (!index || !count || *count == 0 || *index >= *count || *count > kMaxShards) {
    throw UsageError("shard",
                     fmt::format("expected I/N with I from 0 to N-1, got '{}'", printable(given)));
  }
  return {*index, *count, ""};
}

/// A variable that the scheduler sets to a number.
std::size_t number_of(const std::string& name, const std::string& value) {
  const auto number = to_number(value);
  if (number) return *number;
  throw UsageError(name, fmt::format("expected a number, got '{}'", printable(value)),
                   give_shard());
}

Shard shard_of_array(const std::string& id, std::optional<std::size_t> shards,
                     const std::function<std::string(const std::string&)>& variable) {
  const auto read = [&](const char* last) {
    const std::string name = fmt::format("SLURM_ARRAY_TASK_{}", last);
    return number_of(name, variable(name));
  };
  const std::size_t index = number_of("SLURM_ARRAY_TASK_ID", id);
  const std::size_t first = read("MIN"), last = read("MAX"), count = read("COUNT");
  const bool whole = count > 0 && count <= kMaxShards && first <= last && last - first == count - 1;
  if (!whole) {
    throw UsageError(
        "SLURM_ARRAY_TASK_ID",
        fmt::format("the array has {} tasks from {} to {}: with gaps they are no shards "
                    "from 0 to N-1",
                    count, first, last),
        give_shard());
  }
  if (index < first || index > last) {
    throw UsageError("SLURM_ARRAY_TASK_ID",
                     fmt::format("expected an id from {} to {}, got {}", first, last, index),
                     give_shard());
  }
  if (shards && *shards != count) {
    throw UsageError(
        "shards",
        fmt::format("expected {}, the number of tasks of the Slurm array, got {}", count, *shards),
        give_shard(index < *shards ? fmt::format("{}/{}", index, *shards) : ""));
  }
  return {index - first, count, "SLURM_ARRAY_TASK_ID"};
}

Shard shard_of_job(const std::string& value, std::optional<std::size_t> shards) {
  const char* const name = "JOB_COMPLETION_INDEX";
  const std::size_t index = number_of(name, value);
  if (!shards) {
    throw UsageError("shards", fmt::format("missing; {} is set, and does not tell how many shards "
                                           "there are",
                                           name));
  }
  if (index >= *shards) {
    throw UsageError(name, fmt::format("expected an index below {}, got {}", *shards, index));
  }
  return {index, *shards, name};
}

}  // namespace

std::string to_string(const Shard& shard) { return fmt::format("{}/{}", shard.index, shard.count); }

Shard choose_shard(const std::string& given, std::optional<std::size_t> shards,
                   const std::function<std::string(const std::string&)>& variable) {
  if (shards && (*shards == 0 || *shards > kMaxShards)) {
    throw UsageError("shards", fmt::format("expected 1 to {}, got {}", kMaxShards, *shards));
  }
  if (!given.empty()) {
    const Shard shard = parse_shard(given);
    if (shards && *shards != shard.count) {
      throw UsageError("shards", fmt::format("contradicts shard {}", to_string(shard)));
    }
    return shard;
  }
  const std::string task = variable("SLURM_ARRAY_TASK_ID"), pod = variable("JOB_COMPLETION_INDEX");
  if (!task.empty() && !pod.empty()) {
    throw UsageError("shard", "missing; both SLURM_ARRAY_TASK_ID and JOB_COMPLETION_INDEX are set",
                     give_shard());
  }
  if (!task.empty()) return shard_of_array(task, shards, variable);
  if (!pod.empty()) return shard_of_job(pod, shards);
  if (shards && *shards > 1) {
    throw UsageError("shards", "does not tell which shard to do", give_shard());
  }
  return {};
}

}  // namespace weightlift
