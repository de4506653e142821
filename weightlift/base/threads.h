#pragma once

#include <future>
#include <system_error>
#include <utility>

#include "weightlift/progress.h"

namespace weightlift {

/// How many further threads, at most `wanted`, this process can start now: it starts them, and ends
/// them. A limit of processes (Docker's --pids-limit) or of memory may refuse some. OpenMP ends the
/// process where it cannot start a thread: check first.
int startable_threads(int wanted);

/// How many threads, at most `wanted` and this one included, an OpenMP team of this thread can have
/// beside that many others. It counts each twice: libgomp ends threads where a region needs fewer,
/// and starts others for the next region before those are gone.
int startable_team(int wanted, int beside);

/// The threads to use of `wanted` (0: one per core), this one included; fewer where the system
/// refuses some. `beside`: further threads that run at the same time. `refused`: gets a note then.
int usable_threads(int wanted, int beside, Notes& refused);

/// std::async with a thread of its own. Where the system refuses the thread, the function runs on
/// the thread that calls get().
template <class Function>
auto run_beside(Function function) {
  try {
    return std::async(std::launch::async, function);
  } catch (const std::system_error&) {
    return std::async(std::launch::deferred, std::move(function));
  }
}

}  // namespace weightlift
