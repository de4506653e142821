#include "weightlift/cli/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "weightlift/base/message.h"
#include "weightlift/cli/log.h"
#include "weightlift/cli/print.h"
#include "weightlift/cli/terminal.h"

namespace weightlift {

namespace {

using Clock = std::chrono::steady_clock;

/// "[######....]"
std::string bar(double share, std::size_t columns) {
  const auto filled =
      static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(columns));
  return fmt::format("[{}{}]", std::string(filled, '#'), std::string(columns - filled, '.'));
}

}  // namespace

std::string to_string(const Turn& turn) {
  if (turn.count == 0) return "";
  return fmt::format("[{}/{}] {}", turn.number, turn.count, turn.name);
}

StatusLine::StatusLine(std::string name) : name_(std::move(name)), terminal_(draws_progress()) {}

StatusLine::~StatusLine() { clear(); }

void StatusLine::begin(std::string_view step, std::uint64_t total, bool bytes) {
  step_ = step;
  total_ = total;
  bytes_ = bytes;
  begun_ = false;
  // A terminal shows each step at once; elsewhere only long work is worth a line.
  shown_at_ = terminal_ ? Clock::time_point{} : Clock::now();
  if (terminal_) show(0);
  begun_ = false;
}

void StatusLine::show(std::uint64_t done, std::string_view more) {
  constexpr std::chrono::milliseconds kPause{100};
  constexpr std::chrono::seconds kPlainPause{10};
  if (is_quiet()) return;
  const auto now = Clock::now();
  if (!begun_) {  // bytes of an earlier run arrive at once and would distort the speed
    begun_ = true;
    began_ = now;
    first_ = done;
  }
  const bool last = terminal_ && total_ > 0 && done >= total_;
  if (!last && now - shown_at_ < (terminal_ ? std::chrono::nanoseconds(kPause) : kPlainPause)) {
    return;
  }
  shown_at_ = now;
  if (!terminal_) {
    write_stderr(fmt::format("weightlift: {}\n", line(done, more, now, false)));
    return;
  }
  drawn_ = true;
  write_stderr("\r\033[K" + line(done, more, now, true));
}

/// " 42% 12.3 MB/s, 3 s left"
std::string StatusLine::numbers(std::uint64_t done, Clock::time_point now) const {
  if (total_ == 0) return "";
  const std::uint64_t percent = std::min<std::uint64_t>(100, done * 100 / total_);
  std::string text =
      bytes_ ? fmt::format(" {:>3}%", percent) : fmt::format(" {} of {}", done, total_);
  const std::chrono::duration<double> took = now - began_;
  constexpr double kLeastSeconds = 0.5;  // before that a rate is a guess
  if (took.count() <= kLeastSeconds || done <= first_ || done > total_) return text;
  const double rate = static_cast<double>(done - first_) / took.count();
  const double left = static_cast<double>(total_ - done) / rate;
  const std::string speed = bytes_ ? readable_bytes(static_cast<std::uint64_t>(rate)) + "/s"
                                   : fmt::format("{:.1f}/s", rate);
  return fmt::format("{} {}, {:.0f} s left", text, speed, left);
}

std::string StatusLine::line(std::uint64_t done, std::string_view more, Clock::time_point now,
                             bool with_bar) const {
  const std::string figures = numbers(done, now) + (more.empty() ? "" : fmt::format(", {}", more));
  std::string name = name_.empty() ? step_ : fmt::format("{}  {}", name_, step_);
  name = printable(name, name.size());
  if (!with_bar) return name + figures;
  constexpr std::size_t kBar = 20, kShortestName = 10;
  const std::size_t width = std::max<std::size_t>(terminal_width(), 2) - 1;
  std::string rest = figures;
  const std::size_t with_bars = columns_of(figures) + kBar + 3;
  if (total_ > 0 && with_bars + kShortestName <= width) {
    rest = fmt::format(" {}{}", bar(static_cast<double>(done) / static_cast<double>(total_), kBar),
                       figures);
  }
  const std::size_t taken = columns_of(rest);
  if (taken + kShortestName > width) return shortened(name + rest, width);
  return shortened(name, width - taken) + rest;
}

void StatusLine::clear() noexcept {
  if (drawn_) write_stderr("\r\033[K");
  drawn_ = false;
}

TerminalProgress::TerminalProgress(const Turn& turn)
    : source_(turn.count == 0 ? "" : turn.name), line_(to_string(turn)) {}

void TerminalProgress::step(std::string_view name, std::uint64_t bytes_total) {
  check();
  line_.begin(name, bytes_total, true);
}

void TerminalProgress::note(const Note& note) {
  line_.clear();
  Note placed = note;
  if (placed.where.empty()) placed.where = source_;
  log_note(placed);
  notes_.push_back(note);
}

}  // namespace weightlift
