#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "weightlift/cli/signals.h"
#include "weightlift/progress.h"

namespace weightlift {

/// The place of a source among several. `count` 0: there is one source.
struct Turn {
  std::size_t number = 0, count = 0;
  std::string name = {};
};

/// "[2/6] resnet-26"; empty for one source.
std::string to_string(const Turn& turn);

/// The status of long work on standard error: on a terminal one line with a bar, rate and time
/// left, as wide as the terminal; elsewhere a plain line every ten seconds. Quiet shows neither.
class StatusLine {
 public:
  /// `name` is shortened where the line is too narrow for it.
  explicit StatusLine(std::string name);
  ~StatusLine();
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;

  /// A step begins. `total`: of bytes or things, 0 where not counted.
  void begin(std::string_view step, std::uint64_t total, bool bytes);
  /// `more`: text at the end, such as a running accuracy.
  void show(std::uint64_t done, std::string_view more = "");
  /// Removes the line before a message; the next show() draws it again.
  void clear() noexcept;

 private:
  std::string numbers(std::uint64_t done, std::chrono::steady_clock::time_point now) const;
  std::string line(std::uint64_t done, std::string_view more,
                   std::chrono::steady_clock::time_point now, bool with_bar) const;

  std::string name_, step_;
  std::uint64_t total_ = 0, first_ = 0;
  bool bytes_ = false, terminal_, drawn_ = false, begun_ = false;
  std::chrono::steady_clock::time_point began_, shown_at_;
};

/// Progress and notes of one job, for people; keeps the notes.
class TerminalProgress : public ProgressSink {
 public:
  explicit TerminalProgress(const Turn& turn = {});
  void step(std::string_view name, std::uint64_t bytes_total) override;
  void advance(std::uint64_t bytes_done) override { line_.show(bytes_done); }
  void note(const Note& note) override;
  void check() override { check_signals(); }
  /// Removes the line before results are printed.
  void clear() noexcept { line_.clear(); }

  const Notes& notes() const { return notes_; }

 private:
  std::string source_;  ///< the place of notes without one, where there are several sources
  StatusLine line_;
  Notes notes_;
};

}  // namespace weightlift
