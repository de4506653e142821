// Converts a checkpoint with progress and notes. Ctrl-C stops it, and nothing of the folder stays.
//   progress SOURCE FOLDER
#include <weightlift/weightlift.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <iostream>
#include <string_view>

namespace {

std::atomic<int> caught_signal = 0;

void on_signal(int number) { caught_signal = number; }

class Terminal : public weightlift::ProgressSink {
 public:
  void step(std::string_view name, std::uint64_t bytes_total) override {
    std::cerr << name << (bytes_total > 0 ? " ..." : "") << '\n';
  }
  void note(const weightlift::Note& note) override {
    std::cerr << weightlift::to_string(note) << '\n';
  }
  // Any exception stops the job; Interrupted is the one for a signal.
  void check() override {
    if (caught_signal != 0) throw weightlift::Interrupted(caught_signal);
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  std::signal(SIGINT, on_signal);
  Terminal terminal;
  try {
    weightlift::convert({.source = argv[1], .output = argv[2], .force = true}, terminal);
    return 0;
  } catch (const weightlift::Interrupted& stopped) {
    return 128 + stopped.signal_number();
  } catch (const weightlift::Error& error) {
    std::cerr << error.what() << '\n';
    return 3;
  }
}
