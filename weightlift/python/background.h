#pragma once

#include <nanobind/nanobind.h>

#include <functional>

#include "weightlift/progress.h"

namespace weightlift {

/// Runs `work` on a thread of its own, and waits for its end without the GIL. The thread ends with
/// the work: libgomp keeps the threads of an OpenMP team for the thread that began it, and a child
/// after fork() would wait for them forever.
///
/// Meanwhile, calls events(...) on this thread: ("step", name, bytes_total), which the work waits
/// for; and some 20 times a second ("advance", bytes_done) and ("note", severity, text). An
/// exception from it or from a signal handler of Python (KeyboardInterrupt) stops the work and
/// reaches the caller. A failure of the work becomes the Python exception of its kind. Needs the
/// GIL.
void run_in_background(const nanobind::object& events,
                       const std::function<void(ProgressSink&)>& work);

}  // namespace weightlift
