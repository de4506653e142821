#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "weightlift/base/cgroup.h"

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

/// The workers of in_order.
template <class Result>
class InOrder {
 public:
  InOrder(std::size_t count, std::size_t window, std::function<Result(std::size_t)> make)
      : count_(count), make_(std::move(make)), slots_(window) {}

  void run(std::size_t workers, const std::function<void(std::size_t, Result&&)>& done) {
    std::vector<std::jthread> threads;  // joined before the members go
    const Stop stop{*this};
    try {
      for (std::size_t i = 0; i < workers; ++i) threads.emplace_back([this] { work(); });
    } catch (const std::system_error&) {
      // The system refuses more threads: those that started do all the work, or this one.
    }
    for (std::size_t i = 0; i < count_; ++i) done(i, threads.empty() ? make_(i) : take(i));
  }

 private:
  struct Slot {
    std::optional<Result> result;
    std::exception_ptr error;
  };

  struct Stop {
    InOrder& all;
    ~Stop() {
      const std::lock_guard lock(all.mutex_);
      all.stopped_ = true;
      all.changed_.notify_all();
    }
  };

  Slot& slot(std::size_t i) { return slots_[i % slots_.size()]; }

  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock,
                    [&] { return stopped_ || next_ == count_ || next_ < taken_ + slots_.size(); });
      if (stopped_ || next_ == count_) return;
      const std::size_t i = next_++;
      lock.unlock();
      Slot made;
      try {
        made.result = make_(i);
      } catch (...) {
        made.error = std::current_exception();
      }
      lock.lock();
      slot(i) = std::move(made);
      changed_.notify_all();
    }
  }

  Result take(std::size_t i) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return slot(i).result || slot(i).error; });
    Slot taken = std::exchange(slot(i), Slot{});
    ++taken_;
    changed_.notify_all();
    lock.unlock();
    if (taken.error) std::rethrow_exception(taken.error);
    return std::move(*taken.result);
  }

  std::size_t count_;
  std::function<Result(std::size_t)> make_;
  std::vector<Slot> slots_;  ///< of result i: i % window
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t next_ = 0;   ///< the first result that no worker has started
  std::size_t taken_ = 0;  ///< handed over
  bool stopped_ = false;
};

/// Makes `count` results on `threads` threads (0: as many as there are cores), fewer where the
/// system refuses some, and hands them over on this thread, in order: make(i) -> Result, then
/// done(i, result). Workers stay a few results ahead, so that a slow result does not stop the other
/// cores and memory does not grow with `count`. An exception from either ends the run, and passes
/// through once the workers have stopped.
template <class Result>
void in_order(std::size_t count, int threads, std::function<Result(std::size_t)> make,
              const std::function<void(std::size_t, Result&&)>& done) {
  constexpr std::size_t kAhead = 4;
  const auto most = static_cast<std::size_t>(threads > 0 ? threads : available_processors());
  const std::size_t workers = std::min(most, count);
  if (workers > 0) InOrder<Result>(count, kAhead * workers, std::move(make)).run(workers, done);
}

}  // namespace weightlift
