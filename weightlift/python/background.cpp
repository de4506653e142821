#include "weightlift/python/background.h"

#include <nanobind/stl/string.h>

#include <exception>
#include <future>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <variant>

#include "weightlift/base/file.h"
#include "weightlift/base/json.h"
#include "weightlift/python/relay.h"
#include "weightlift/report/json_object.h"
#include "weightlift/report/phrase.h"

namespace weightlift {

namespace {

namespace nb = nanobind;

// A note may name thousands of tensors.
constexpr std::size_t kMaxNoteBytes = 4096;

void deliver(const nb::object& events, Relay& relay) {
  for (const Event& event : relay.take()) {
    if (const auto* step = std::get_if<StepEvent>(&event)) {
      events("step", printable(step->name), step->bytes_total);
    } else if (const auto* advance = std::get_if<AdvanceEvent>(&event)) {
      events("advance", advance->bytes_done);
    } else {
      const Note& note = std::get<NoteEvent>(event).note;
      events("note", nb::str(to_string(severity_of(note.code)).data()),
             printable(phrase(note), kMaxNoteBytes));
    }
  }
}

/// Raises the Python exception for a failure.
[[noreturn]] void raise(const std::exception& failure) {
  const std::string json = dump_json_line(to_json(*to_error(failure)));
  const nb::object error = nb::module_::import_("weightlift._errors").attr("from_json")(json);
  PyErr_SetObject(error.type().ptr(), error.ptr());
  throw nb::python_error();
}

/// Reports the end of the work, also by an exception.
struct Finisher {
  Relay& relay;
  ~Finisher() { relay.finish(); }
};

}  // namespace

void run_in_background(const nb::object& events, const std::function<void(ProgressSink&)>& work) {
  guard_mapped_files();
  Relay relay;
  std::optional<RunningWork> running;
  std::future<void> result;
  try {
    running.emplace(relay);
    result = std::async(std::launch::async, [&] {
      const Finisher finisher{relay};
      work(relay);
    });
  } catch (const std::exception& refused) {  // the interpreter ends, or the system has no thread
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
  result.wait();  // also for the end of the thread
  if (stopped) std::rethrow_exception(stopped);
  try {
    result.get();
  } catch (const std::exception& failure) {
    raise(failure);
  }
}

}  // namespace weightlift
