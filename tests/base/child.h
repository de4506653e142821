#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

namespace weightlift::testing {

/// Runs `body` in a forked process. Returns its result, or the text of its exception.
std::string in_child(const std::function<std::string()>& body);

/// The same, in a process that is not root, so that file permissions apply.
std::string in_unprivileged_child(const std::function<std::string()>& body);

/// A forked process that runs `body` until it ends or kill() is called, at the latest by the
/// destructor.
class Child {
 public:
  explicit Child(const std::function<void()>& body);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// Sends SIGKILL and waits until the process is dead.
  void kill();
  /// Waits until the process ends by itself. Returns whether `body` returned without an exception.
  bool join();

 private:
  pid_t pid_;
};

/// Makes the system call `number` fail with `error_number` in this process, as on a system or file
/// system without it. Call it in a child.
void forbid_system_call(long number, int error_number);

}  // namespace weightlift::testing
