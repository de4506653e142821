#include "weightlift/cli/signals.h"

#include <algorithm>
#include <array>
#include <csignal>

#include "weightlift/base/message.h"

namespace weightlift {

namespace {

volatile std::sig_atomic_t caught_signal = 0;

void on_signal(int number) { caught_signal = number; }

/// Signals by which a person or a service stops the program. The others may come again and again,
/// as SIGXCPU does each second.
constexpr std::array kStops = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

constexpr std::array kOthers = {SIGUSR1, SIGUSR2, SIGALRM,   SIGVTALRM, SIGPROF,
                                SIGXCPU, SIGIO,   SIGSTKFLT, SIGPWR};

/// What the caller ignores stays ignored: nohup, and jobs in the background of a script. A handler
/// that is there belongs to a tool, such as a profiler.
void catch_signal(int number, int flags) {
  struct sigaction before {};
  if (sigaction(number, nullptr, &before) != 0) return;
  if ((before.sa_flags & SA_SIGINFO) != 0 || before.sa_handler != SIG_DFL) return;
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = flags;
  sigaction(number, &action, nullptr);
}

}  // namespace

void ignore_output_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

void catch_signals() {
  constexpr int kOnce = static_cast<int>(SA_RESETHAND | SA_RESTART);
  for (const int number : kStops) catch_signal(number, kOnce);
  for (const int number : kOthers) catch_signal(number, SA_RESTART);
  for (int number = SIGRTMIN; number <= SIGRTMAX; ++number) catch_signal(number, SA_RESTART);
}

void catch_signals_again() {
  for (const int number : kStops) {
    struct sigaction action {};
    if (sigaction(number, nullptr, &action) != 0 || action.sa_handler == SIG_IGN) continue;
    action = {};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigaction(number, &action, nullptr);
  }
}

void check_signals() {
  if (caught_signal != 0) throw Interrupted(static_cast<int>(caught_signal));
}

}  // namespace weightlift
