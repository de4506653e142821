#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <string>
#include <vector>

namespace weightlift::testing {

/// How a program ended, and all that it said.
struct Outcome {
  int exit_code = -1;  ///< -1 where a signal ended it
  int signal = 0;      ///< that signal
  std::string out, err;
  long peak_kib = 0;  ///< its largest resident set, and no less than this process had at its start
};

/// A program that runs beside the test. What it prints goes to memory, so that nobody waits.
class Process {
 public:
  /// `command`: the program's path and its arguments. `out` and `err` are descriptors to print to
  /// instead, -1 for none.
  explicit Process(const std::vector<std::string>& command, int out = -1, int err = -1);
  /// Kills what still runs.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void signal(int number) const;
  bool is_running();
  /// Waits for the end.
  Outcome wait();

 private:
  pid_t pid_ = 0;
  int out_, err_;  // memory
  int status_ = 0;
  rusage usage_{};
};

/// Runs a program to its end.
Outcome run_program(const std::vector<std::string>& command);

}  // namespace weightlift::testing
