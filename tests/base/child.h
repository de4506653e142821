#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

namespace weightlift::testing {

/// Runs `body` in a forked process and returns what it returned, or the text of what it threw.
std::string in_child(const std::function<std::string()>& body);

/// The same, in a process that is not root: file permissions count for it.
std::string in_unprivileged_child(const std::function<std::string()>& body);

/// A forked process that runs `body` until it is told to die, at the latest by the destructor.
class Child {
 public:
  explicit Child(const std::function<void()>& body);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// SIGKILL, and waits until it is dead.
  void kill();
  /// Waits until it ends by itself. Returns whether `body` returned, without an exception.
  bool join();

 private:
  pid_t pid_;
};

/// From now on, in this process (to be called in a child), the system call `number` fails with
/// `error_number`, as on a system or file system that does not have it.
void forbid_system_call(long number, int error_number);

}  // namespace weightlift::testing
