#pragma once

namespace weightlift {

/// Makes a lost reader, or a file that reaches its largest size, an error of write(2). Call it once
/// at the start.
void ignore_output_signals();

/// Turns each signal that would end the process into Interrupted at the next
/// ProgressSink::check(), unless the caller ignores the signal. Leaves alone those that report a
/// fault (SIGSEGV) and those that nothing can handle (SIGKILL). A second SIGINT, SIGTERM, SIGHUP or
/// SIGQUIT ends the process at once.
void catch_signals();

/// For a worker process: a second signal does not end it at once. On a terminal it gets each signal
/// twice, from there and from its parent, whose end is also its own.
void catch_signals_again();

/// Throws Interrupted where a signal has come.
void check_signals();

}  // namespace weightlift
