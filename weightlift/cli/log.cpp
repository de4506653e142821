#include "weightlift/cli/log.h"

#include <fmt/format.h>

#include <cstdio>
#include <string>

namespace weightlift {

namespace {

LogLevel& level() {
  static LogLevel value = LogLevel::kNormal;
  return value;
}

/// Nobody may be listening: what cannot be said is no reason to end.
void say(const std::string& line) {
  static_cast<void>(std::fwrite(line.data(), 1, line.size(), stderr));
}

}  // namespace

void set_log_level(LogLevel value) { level() = value; }

bool is_quiet() { return level() == LogLevel::kQuiet; }

bool is_verbose() { return level() == LogLevel::kVerbose; }

void log_error(std::string_view text) { say(fmt::format("weightlift: error: {}\n", text)); }

void log_warning(std::string_view text) {
  if (!is_quiet()) say(fmt::format("weightlift: {}\n", text));
}

void log_detail(std::string_view text) {
  if (is_verbose()) say(fmt::format("{}\n", text));
}

}  // namespace weightlift
