#include "weightlift/cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>

#include "weightlift/base/error.h"
#include "weightlift/cli/log.h"

namespace weightlift {

namespace {

volatile std::sig_atomic_t caught_signal = 0;

void on_signal(int number) { caught_signal = number; }

}  // namespace

void catch_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags =
      static_cast<int>(SA_RESETHAND | SA_RESTART);  // the second one has its old meaning: the end
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

void check_signals() {
  if (caught_signal != 0) throw Interrupted(static_cast<int>(caught_signal));
}

TerminalProgress::TerminalProgress(std::string prefix)
    : prefix_(std::move(prefix)), terminal_(!is_quiet() && isatty(STDERR_FILENO) == 1) {}

TerminalProgress::~TerminalProgress() { clear(); }

void TerminalProgress::step(std::string_view name, std::uint64_t bytes_total) {
  step_ = name;
  total_ = bytes_total;
  check();
  advance(0);
}

void TerminalProgress::advance(std::uint64_t bytes_done) {
  if (!terminal_) return;
  const std::uint64_t percent =
      total_ == 0 ? 0 : std::min<std::uint64_t>(100, bytes_done * 100 / total_);
  fmt::print(stderr, "\r\033[K{}{}", step_, total_ == 0 ? "" : fmt::format(" {}%", percent));
  std::fflush(stderr);
}

void TerminalProgress::note(std::string_view text) {
  clear();
  log_warning(prefix_.empty() ? std::string(text) : fmt::format("{}: {}", prefix_, text));
}

void TerminalProgress::clear() {
  if (terminal_) fmt::print(stderr, "\r\033[K");
}

}  // namespace weightlift
