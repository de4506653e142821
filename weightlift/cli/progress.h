#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "weightlift/convert/convert.h"

namespace weightlift {

/// Turns SIGINT, SIGTERM and SIGHUP into Interrupted at the next ProgressSink::check(); a second
/// one ends the process at once.
void catch_signals();

/// Throws Interrupted where a signal has come.
void check_signals();

/// One line on stderr that names the step, counts bytes and says how fast they come and how long
/// the rest will take, on a terminal only; notes go to the log.
class TerminalProgress : public ProgressSink {
 public:
  /// `prefix` begins each note where several sources are converted.
  explicit TerminalProgress(std::string prefix);
  ~TerminalProgress() override;
  void step(std::string_view name, std::uint64_t bytes_total) override;
  void advance(std::uint64_t bytes_done) override;
  void note(std::string_view text) override;
  void check() override { check_signals(); }

 private:
  void show(std::uint64_t bytes_done);
  void clear();
  std::string prefix_;
  std::string step_;
  std::uint64_t total_ = 0;
  std::chrono::steady_clock::time_point begun_;  ///< the step, with its first bytes
  std::chrono::steady_clock::time_point shown_at_;
  std::uint64_t first_ = 0;  ///< bytes that were done then
  bool terminal_;
};

}  // namespace weightlift
