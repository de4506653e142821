#pragma once

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "weightlift/error.h"
#include "weightlift/progress.h"

namespace weightlift {

struct StepEvent {
  std::string name;
  std::uint64_t bytes_total;
};
struct AdvanceEvent {
  std::uint64_t bytes_done;
};
struct NoteEvent {
  Note note;
};
using Event = std::variant<StepEvent, AdvanceEvent, NoteEvent>;

/// Carries progress from the thread of the work to that of the caller.
class Relay : public ProgressSink {
 public:
  /// Waits until Python has seen the step: its exception then stops the work before it.
  void step(std::string_view name, std::uint64_t bytes_total) override {
    std::unique_lock lock(mutex_);
    flush_advance();
    events_.emplace_back(StepEvent{std::string(name), bytes_total});
    awaited_ = true;
    changed_.notify_one();
    seen_.wait(lock, [&] { return !awaited_ || stopped_; });
    require_running();
  }

  void advance(std::uint64_t bytes_done) override {
    const std::lock_guard lock(mutex_);
    done_bytes_ = bytes_done;
  }

  void note(const Note& note) override {
    const std::lock_guard lock(mutex_);
    events_.emplace_back(NoteEvent{note});
  }

  void check() override {
    const std::lock_guard lock(mutex_);
    require_running();
  }

  void stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    seen_.notify_one();
  }

  void finish() {
    const std::lock_guard lock(mutex_);
    finished_ = true;
    changed_.notify_one();
  }

  /// Waits for the end of the work, a step, or a moment. Returns whether the work has ended.
  bool wait() {
    constexpr std::chrono::milliseconds kMoment{50};
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kMoment, [&] { return finished_ || awaited_; });
    return finished_;
  }

  /// The events since the last call; of each step only the last advance.
  std::deque<Event> take() {
    const std::lock_guard lock(mutex_);
    flush_advance();
    return std::exchange(events_, {});
  }

  /// Python has seen what take() returned.
  void confirm() {
    const std::lock_guard lock(mutex_);
    if (events_.empty()) awaited_ = false;
    seen_.notify_one();
  }

 private:
  void flush_advance() {
    if (done_bytes_) events_.emplace_back(AdvanceEvent{*done_bytes_});
    done_bytes_.reset();
  }

  void require_running() const {
    if (stopped_) throw Interrupted(SIGINT);
  }

  std::mutex mutex_;
  std::condition_variable changed_, seen_;
  std::deque<Event> events_;
  std::optional<std::uint64_t> done_bytes_;
  bool awaited_ = false, stopped_ = false, finished_ = false;
};

/// The work of a call while it runs, for the end of the interpreter: its threads then end before
/// Python does, which would end them in the middle of native code.
class RunningWork {
 public:
  /// Throws Interrupted where the interpreter is ending.
  explicit RunningWork(Relay& relay);
  ~RunningWork();
  RunningWork(const RunningWork&) = delete;
  RunningWork& operator=(const RunningWork&) = delete;

 private:
  Relay& relay_;
};

/// Stops all work, and waits a while for its end. Call it without the GIL. New work is refused.
void stop_running_work();

}  // namespace weightlift
