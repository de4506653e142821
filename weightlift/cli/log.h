#pragma once

#include <string_view>

namespace weightlift {

enum class LogLevel { kQuiet, kNormal, kVerbose };

/// What the program says beside its results, on stderr: errors always, warnings and notes unless
/// quiet, details only when verbose. The library never calls these.
void set_log_level(LogLevel value);
bool is_quiet();
bool is_verbose();
void log_error(std::string_view text);
void log_warning(std::string_view text);
void log_detail(std::string_view text);

}  // namespace weightlift
