#include "weightlift/cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>

#include "weightlift/base/error.h"
#include "weightlift/cli/log.h"
#include "weightlift/cli/print.h"

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
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before {};
    sigaction(number, nullptr, &before);
    // What the caller ignores stays ignored: nohup, and jobs in the background of a script.
    if (before.sa_handler != SIG_IGN) sigaction(number, &action, nullptr);
  }
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
  begun_ = {};
  shown_at_ = {};
  check();
  show(0);
}

void TerminalProgress::advance(std::uint64_t bytes_done) {
  if (!terminal_) return;
  // What an earlier run had got comes at once, and says nothing about the speed.
  constexpr std::chrono::milliseconds kPause{100};
  const auto now = std::chrono::steady_clock::now();
  if (begun_ == std::chrono::steady_clock::time_point{}) {
    begun_ = now;
    first_ = bytes_done;
  }
  if (now - shown_at_ < kPause && bytes_done < total_) return;
  shown_at_ = now;
  show(bytes_done);
}

void TerminalProgress::show(std::uint64_t bytes_done) {
  if (!terminal_) return;
  std::string line = step_;
  if (total_ > 0) {
    const std::uint64_t percent = std::min<std::uint64_t>(100, bytes_done * 100 / total_);
    line += fmt::format(" {}%", percent);
  }
  const std::chrono::duration<double> took = shown_at_ - begun_;
  constexpr double kLeastSeconds = 0.5;  // before that a rate is a guess
  if (took.count() > kLeastSeconds && bytes_done > first_ && bytes_done <= total_) {
    const double rate = static_cast<double>(bytes_done - first_) / took.count();
    const double left = static_cast<double>(total_ - bytes_done) / rate;
    line +=
        fmt::format(" {}/s, {:.0f} s left", readable_bytes(static_cast<std::uint64_t>(rate)), left);
  }
  fmt::print(stderr, "\r\033[K{}", line);
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
