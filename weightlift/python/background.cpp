#include "weightlift/python/background.h"

#include <nanobind/stl/string.h>

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <variant>

#include "weightlift/base/file.h"
#include "weightlift/base/json.h"
#include "weightlift/report/json_object.h"
#include "weightlift/report/phrase.h"

namespace weightlift {

namespace {

namespace nb = nanobind;

struct StepEvent {
  std::string name;
  std::uint64_t bytes_total;
};
struct NoteEvent {
  Note note;
};
using Event = std::variant<StepEvent, NoteEvent>;

/// Carries progress from the thread of the work to that of the caller.
class Relay : public ProgressSink {
 public:
  /// Waits until Python has seen the step: its exception then stops the work before it.
  void step(std::string_view name, std::uint64_t bytes_total) override {
    std::unique_lock lock(mutex_);
    events_.emplace_back(StepEvent{std::string(name), bytes_total});
    done_bytes_.reset();
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

  /// The events since the last call; of `advance` only the last one, which comes after them.
  std::pair<std::deque<Event>, std::optional<std::uint64_t>> take() {
    const std::lock_guard lock(mutex_);
    return {std::exchange(events_, {}), std::exchange(done_bytes_, {})};
  }

  /// Python has seen what take() returned.
  void confirm() {
    const std::lock_guard lock(mutex_);
    if (events_.empty()) awaited_ = false;
    seen_.notify_one();
  }

 private:
  void require_running() const {
    if (stopped_) throw Interrupted(SIGINT);
  }

  std::mutex mutex_;
  std::condition_variable changed_, seen_;
  std::deque<Event> events_;
  std::optional<std::uint64_t> done_bytes_;
  bool awaited_ = false, stopped_ = false, finished_ = false;
};

// A note may name thousands of tensors.
constexpr std::size_t kMaxNoteBytes = 4096;

void deliver(const nb::object& events, Relay& relay) {
  const auto [queue, done_bytes] = relay.take();
  for (const Event& event : queue) {
    if (const auto* step = std::get_if<StepEvent>(&event)) {
      events("step", printable(step->name), step->bytes_total);
    } else {
      const Note& note = std::get<NoteEvent>(event).note;
      events("note", nb::str(to_string(severity_of(note.code)).data()),
             printable(phrase(note), kMaxNoteBytes));
    }
  }
  if (done_bytes) events("advance", *done_bytes);
}

/// Raises the Python exception for a failure.
[[noreturn]] void raise(const std::exception& failure) {
  const std::string json = dump_json_line(to_json(*to_error(failure)));
  const nb::object error = nb::module_::import_("weightlift._errors").attr("from_json")(json);
  PyErr_SetObject(error.type().ptr(), error.ptr());
  throw nb::python_error();
}

/// The work with its thread, and what became of it.
class Worker {
 public:
  Worker(Relay& relay, const std::function<void(ProgressSink&)>& work)
      : thread_([this, &relay, &work] {
          try {
            work(relay);
          } catch (...) {
            failure_ = std::current_exception();
          }
          relay.finish();
        }) {}

  void join() { thread_.join(); }

  /// Raises the failure, if there is one.
  void raise_failure() const {
    if (!failure_) return;
    try {
      std::rethrow_exception(failure_);
    } catch (const std::exception& failure) {
      raise(failure);
    }
  }

 private:
  std::exception_ptr failure_;
  std::thread thread_;
};

}  // namespace

void run_in_background(const nb::object& events, const std::function<void(ProgressSink&)>& work) {
  guard_mapped_files();
  Relay relay;
  std::optional<Worker> worker;
  try {
    worker.emplace(relay, work);
  } catch (const std::system_error& refused) {  // the system has no thread
    raise(refused);
  }
  std::exception_ptr stopped;  // what Python raised
  for (bool ended = false; !ended;) {
    {
      const nb::gil_scoped_release release;
      ended = relay.wait();
    }
    if (stopped) continue;
    try {
      deliver(events, relay);
      relay.confirm();
      if (PyErr_CheckSignals() != 0) throw nb::python_error();
    } catch (...) {  // nothing may leave before the thread has ended
      stopped = std::current_exception();
      relay.stop();
    }
  }
  worker->join();
  if (stopped) std::rethrow_exception(stopped);
  worker->raise_failure();
}

}  // namespace weightlift
