#include "weightlift/cli/log.h"

#include <fmt/format.h>

#include <cstdio>

namespace weightlift {

namespace {

LogLevel& level() {
  static LogLevel value = LogLevel::kNormal;
  return value;
}

}  // namespace

void set_log_level(LogLevel value) { level() = value; }

bool is_quiet() { return level() == LogLevel::kQuiet; }

void log_error(std::string_view text) { fmt::print(stderr, "weightlift: error: {}\n", text); }

void log_warning(std::string_view text) {
  if (!is_quiet()) fmt::print(stderr, "weightlift: {}\n", text);
}

void log_detail(std::string_view text) {
  if (level() == LogLevel::kVerbose) fmt::print(stderr, "{}\n", text);
}

}  // namespace weightlift
