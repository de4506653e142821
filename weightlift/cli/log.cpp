#include "weightlift/cli/log.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <string>

#include "weightlift/base/posix.h"
#include "weightlift/cli/terminal.h"
#include "weightlift/report/phrase.h"

namespace weightlift {

namespace {

struct Log {
  LogLevel level = LogLevel::kNormal;
  Descriptor file;
};

Log& log() {
  static Log state;
  return state;
}

/// One write(2) of one line: lines of several processes do not mix.
void append_to_file(std::string_view level, std::string_view text) {
  if (!log().file) return;
  const std::string line =
      fmt::format("{:%Y-%m-%dT%H:%M:%SZ} {}: {}\n", fmt::gmtime(std::time(nullptr)), level, text);
  static_cast<void>(::write(log().file.get(), line.data(), line.size()) < 0);
}

/// Escapes the whole text here, so that no caller can forget a word from outside.
void say(std::string_view level, std::string_view words, Style style, bool shown) {
  const std::string text = printable(words, words.size());
  append_to_file(level, text);
  if (!shown) return;
  const std::string marked = styled(fmt::format("{}:", level), style, STDERR_FILENO);
  write_stderr(fmt::format("weightlift: {} {}\n", marked, text));
}

}  // namespace

void set_log_level(LogLevel value) { log().level = value; }

bool is_quiet() { return log().level == LogLevel::kQuiet; }

bool is_verbose() { return log().level == LogLevel::kVerbose; }

void open_log_file(const std::filesystem::path& file) {
  constexpr mode_t kByUmask = 0666;
  log().file =
      Descriptor(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, kByUmask));
  if (!log().file) throw_io_error(file, "cannot open the log file", errno);
}

void log_error(const Error& error) { log_error(phrase(error)); }

void log_error(std::string_view text) { say("error", text, Style::kRed, true); }

void log_note(const Note& note) {
  if (severity_of(note.code) == Severity::kWarning) {
    log_warning(phrase(note));
  } else {
    log_note(phrase(note));
  }
}

void log_note(std::string_view text) { say("note", text, Style::kDim, !is_quiet()); }

void log_warning(std::string_view text) { say("warning", text, Style::kYellow, !is_quiet()); }

void log_detail(std::string_view words) {
  const std::string text = printable(words, words.size());
  append_to_file("detail", text);
  if (is_verbose()) write_stderr(fmt::format("{}\n", text));
}

}  // namespace weightlift
