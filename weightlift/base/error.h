#pragma once

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>

namespace weightlift {

/// Every failure the program can meet is one of these; `exit_code` maps each to what a shell sees.
/// A message reads *file or URL*: *thing*: expected X, got Y[; what to do].
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The bytes are wrong: names the file, the tensor, what was expected and what came.
struct FormatError : Error {
  using Error::Error;
};

/// Two sides disagree on names, shapes, dtypes or operations.
struct MismatchError : Error {
  using Error::Error;
};

/// The system refused: path and the text of errno.
struct IoError : Error {
  using Error::Error;
};

/// The caller asked for something that does not exist: a model name, an impossible combination.
struct UsageError : Error {
  using Error::Error;
};

/// The Hub or the network refused, or would be needed.
struct HubError : Error {
  using Error::Error;
};

/// Somebody asked to stop. Carries the signal's number, 2 (interrupted) or 15 (terminated).
struct Interrupted : Error {
  explicit Interrupted(int number)
      : Error(number == 15 ? "terminated" : "interrupted"), signal_number(number) {}
  int signal_number;
};

enum class ExitCode : int {
  kOk = 0,
  kInternal = 1,
  kUsage = 2,
  kBadInput = 3,
  kDifferent = 4,
  kHub = 5,
};

/// The exit code for an exception: 2 usage, 3 bad input or place, 5 Hub, 128 + signal when
/// interrupted, 1 for everything that is not an Error (a bug).
int exit_code(const std::exception& error);

/// What `body` makes. A disagreement that it throws is told with its place, a file or a source, in
/// front.
template <class Body>
auto at(const std::string& where, const Body& body) {
  try {
    return body();
  } catch (const MismatchError& error) {
    throw MismatchError(where + ": " + error.what());
  }
}

/// Untrusted text made fit for one line of a message: control characters, invalid UTF-8 and line
/// breaks as \xNN, shortened in the middle beyond `max_bytes` bytes.
std::string printable(std::string_view text, std::size_t max_bytes = 120);

}  // namespace weightlift
