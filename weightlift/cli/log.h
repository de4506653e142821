#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "weightlift/base/message.h"
#include "weightlift/progress.h"

namespace weightlift {

enum class LogLevel { kQuiet, kNormal, kVerbose };

/// Messages on standard error, one line each: "weightlift: error: ...", "warning:", "note:". Errors
/// always, warnings and notes unless quiet, details only when verbose. What printable() escapes is
/// escaped. A message that cannot be written is dropped.
void set_log_level(LogLevel value);
bool is_quiet();
bool is_verbose();

/// Also appends every message to a file, with time (UTC) and level, at any log level. Throws
/// IoError where it cannot be opened.
void open_log_file(const std::filesystem::path& file);

void log_error(const Error& error);
void log_error(std::string_view text);
void log_note(const Note& note);
void log_note(std::string_view text);
void log_warning(std::string_view text);
void log_detail(std::string_view words);

}  // namespace weightlift
