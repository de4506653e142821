#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <string>
#include <vector>

namespace weightlift::testing {

/// The end of a program, and its output.
struct Outcome {
  int exit_code = -1;  ///< -1 where a signal ended it
  int signal = 0;      ///< that signal
  std::string out, err;
  long peak_kib = 0;  ///< its largest resident set, at least that of this process at its start
};

/// A program in parallel to the test. Its output goes to memory, so that it never blocks.
class Process {
 public:
  /// Starts `command`: the program's path and its arguments. `out` and `err`: descriptors for its
  /// output instead of memory, -1 for none.
  explicit Process(const std::vector<std::string>& command, int out = -1, int err = -1);
  /// Kills the program where it still runs.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int number) const;
  bool is_running();
  /// Waits for the end of the program.
  Outcome wait();

 private:
  pid_t pid_ = 0;
  int out_, err_;  // memory
  int status_ = 0;
  rusage usage_{};
};

/// Runs a program until it ends.
Outcome run_program(const std::vector<std::string>& command);

}  // namespace weightlift::testing
