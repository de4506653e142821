#include "tests/support/process.h"

#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <stdexcept>

namespace weightlift::testing {

namespace {

int make_memory() {
  const int memory = ::memfd_create("weightlift-test", MFD_CLOEXEC);
  if (memory < 0) throw std::runtime_error("no memory for output");
  return memory;
}

std::string read_memory(int memory) {
  std::string text;
  std::array<char, 65536> piece{};
  for (;;) {
    const ssize_t got =
        ::pread(memory, piece.data(), piece.size(), static_cast<off_t>(text.size()));
    if (got <= 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace

Process::Process(const std::vector<std::string>& command, int out, int err)
    : out_(make_memory()), err_(make_memory()) {
  std::vector<std::string> words = command;
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", 0, 0);
  posix_spawn_file_actions_adddup2(&actions, out >= 0 ? out : out_, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err >= 0 ? err : err_, STDERR_FILENO);
  const int failed =
      ::posix_spawn(&pid_, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw std::runtime_error("cannot run " + command.at(0));
}

Process::~Process() {
  if (is_running()) {
    signal(SIGKILL);
    wait();
  }
  ::close(out_);
  ::close(err_);
}

void Process::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

bool Process::is_running() {
  if (pid_ > 0 && ::wait4(pid_, &status_, WNOHANG, &usage_) == pid_) pid_ = 0;
  return pid_ > 0;
}

Outcome Process::wait() {
  while (pid_ > 0 && ::wait4(pid_, &status_, 0, &usage_) < 0 && errno == EINTR) continue;
  pid_ = 0;
  Outcome outcome;
  if (WIFEXITED(status_)) outcome.exit_code = WEXITSTATUS(status_);
  if (WIFSIGNALED(status_)) outcome.signal = WTERMSIG(status_);
  outcome.peak_kib = usage_.ru_maxrss;
  outcome.out = read_memory(out_);
  outcome.err = read_memory(err_);
  return outcome;
}

Outcome run_program(const std::vector<std::string>& command) { return Process(command).wait(); }

}  // namespace weightlift::testing
