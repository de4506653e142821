#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace weightlift {

/// What a worker process says about a task. It ended before that where `ended_by` is a signal's
/// number, or 0 for an exit.
struct WorkerAnswer {
  std::string text;
  std::optional<int> ended_by = {};
};

/// What the processes do. `work` and `prepare` run in the workers.
struct WorkerTasks {
  std::size_t count = 0;
  std::function<std::uint64_t(std::size_t)> need;  ///< bytes of memory
  std::function<void()> prepare;                   ///< once in each worker, before its first task
  std::function<std::string(std::size_t)> work;    ///< must not throw
  std::function<void(std::size_t, const WorkerAnswer&)> done;
  std::function<void()> check;  ///< called often; throws to stop: workers then get SIGTERM
};

struct WorkerLimits {
  int jobs = 1;
  std::uint64_t memory_bytes = 0;  ///< of all tasks that run at once; one task always runs
};

/// Runs tasks 0 to count-1 in at most `jobs` processes, which are forks of this one: call it before
/// the process has threads. A worker that ends early is replaced, and its task is tried once more,
/// at the end and alone; a second such end is its answer. Workers end with this process, whatever
/// ends it. Before an exception of `check` or `done` leaves, the running tasks stop, and `done`
/// gets the answers that are there. Throws IoError where the system refuses a process.
void run_in_workers(const WorkerTasks& tasks, const WorkerLimits& limits);

}  // namespace weightlift
