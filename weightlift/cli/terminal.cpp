#include "weightlift/cli/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>

#include "weightlift/base/posix.h"
#include "weightlift/base/text.h"
#include "weightlift/cli/log.h"

namespace weightlift {

namespace {

/// As huggingface_hub reads a switch.
bool is_true(std::string_view value) {
  std::string upper(value);
  std::ranges::transform(upper, upper.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return upper == "1" || upper == "ON" || upper == "YES" || upper == "TRUE";
}

std::string_view sequence(Style style) {
  switch (style) {
    case Style::kPlain:
      return "";
    case Style::kBold:
      return "\033[1m";
    case Style::kRed:
      return "\033[1;31m";
    case Style::kYellow:
      return "\033[33m";
    case Style::kDim:
      return "\033[2m";
  }
  return "";
}

}  // namespace

bool is_terminal(int stream) {
  return ::isatty(stream) == 1 && environment_variable("TERM") != "dumb";
}

bool has_color(int stream) {
  if (!environment_variable("NO_COLOR").empty()) return false;
  const std::string forced = environment_variable("FORCE_COLOR");
  if (!forced.empty()) return forced != "0";
  return is_terminal(stream);
}

bool draws_progress() {
  return !is_quiet() && is_terminal(STDERR_FILENO) &&
         !is_true(environment_variable("HF_HUB_DISABLE_PROGRESS_BARS"));
}

std::size_t terminal_width() {
  constexpr std::size_t kUsual = 80;
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kUsual;
  return size.ws_col;
}

std::string styled(std::string_view text, Style style, int stream) {
  if (style == Style::kPlain || !has_color(stream)) return std::string(text);
  return fmt::format("{}{}\033[0m", sequence(style), text);
}

std::size_t columns_of(std::string_view text) {
  constexpr unsigned char kContinuation = 0x80, kMask = 0xC0;
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & kMask) != kContinuation; }));
}

std::string shortened(std::string_view text, std::size_t columns) {
  constexpr std::size_t kDots = 3;
  const std::size_t all = columns_of(text);
  if (all <= columns) return std::string(text);
  if (columns <= kDots) return std::string(columns, '.');
  const std::size_t front = (columns - kDots) / 2;
  const std::size_t back = columns - kDots - front;
  std::string out;
  std::size_t position = 0;
  while (!text.empty()) {
    const std::size_t bytes = front_character(text).bytes.size();
    if (position == front) out += "...";
    if (position < front || position >= all - back) out += text.substr(0, bytes);
    text.remove_prefix(bytes);
    ++position;
  }
  return out;
}

void write_stderr(std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace weightlift
