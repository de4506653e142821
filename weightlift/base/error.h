#pragma once

#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "weightlift/base/hint.h"

namespace weightlift {

/// What kind of failure an Error is. The names (to_string) are part of the JSON contract.
enum class ErrorKind {
  kNotFound,       ///< no such file, folder, tensor, name or repository
  kExists,         ///< the place of a result is taken
  kInvalidFormat,  ///< bytes or texts do not follow their format
  kUnsupported,    ///< valid, but not supported
  kMismatch,       ///< two sides disagree on names, shapes, dtypes or values
  kIo,             ///< the system refused a call
  kUsage,          ///< the request contradicts itself or names what does not exist
  kNetwork,        ///< the Hub did not answer, or answered with an error
  kAuth,           ///< the Hub wants a token, or another one
  kNoMemory,       ///< an allocation failed
  kInterrupted,    ///< a signal asked to stop
  kInternal,       ///< a fault of weightlift
};

/// "not_found", "exists", "invalid_format", ...
std::string_view to_string(ErrorKind kind);

/// A failure as facts. what() is one line, "WHERE: MESSAGE", without the hints.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, std::string where, std::string message, Hints hints = {});

  ErrorKind kind() const { return kind_; }
  /// A file, a URL, a tensor, or a field of the request; empty where the message names it.
  const std::string& where() const { return where_; }
  const std::string& message() const { return message_; }
  const Hints& hints() const { return hints_; }

 private:
  ErrorKind kind_;
  std::string where_;
  std::string message_;
  Hints hints_;
};

/// One class per kind, to catch it by.
template <ErrorKind kKind>
class ErrorOf : public Error {
 public:
  ErrorOf(std::string where, std::string message, Hints hints = {})
      : Error(kKind, std::move(where), std::move(message), std::move(hints)) {}
  explicit ErrorOf(std::string message) : ErrorOf("", std::move(message)) {}
};

using NotFoundError = ErrorOf<ErrorKind::kNotFound>;
using ExistsError = ErrorOf<ErrorKind::kExists>;
using FormatError = ErrorOf<ErrorKind::kInvalidFormat>;
using UnsupportedError = ErrorOf<ErrorKind::kUnsupported>;
using MismatchError = ErrorOf<ErrorKind::kMismatch>;
using IoError = ErrorOf<ErrorKind::kIo>;
using UsageError = ErrorOf<ErrorKind::kUsage>;
using NoMemoryError = ErrorOf<ErrorKind::kNoMemory>;

/// The Hub or the network failed. `status`: HTTP's, 0 without a reply; `request_id`: as the server
/// sent it, for its support.
class HubError : public Error {
 public:
  HubError(std::string where, std::string message, Hints hints = {});
  HubError(ErrorKind kind, std::string where, std::string message, Hints hints, int status = 0,
           std::string request_id = "");

  int status() const { return status_; }
  const std::string& request_id() const { return request_id_; }

 private:
  int status_ = 0;
  std::string request_id_;
};

/// The same failure with more hints.
HubError with_hints(const HubError& error, const Hints& more);

/// A signal asked to stop: "interrupted" (SIGINT), "terminated", "hung up", "stopped by SIGUSR1".
class Interrupted : public Error {
 public:
  explicit Interrupted(int signal_number);
  int signal_number() const { return signal_number_; }

 private:
  int signal_number_;
};

/// The facts of any failure: an Error as it is, of its own class (HubError, Interrupted);
/// std::bad_alloc and std::length_error as kNoMemory, what the system reports as kIo, all else as a
/// fault of weightlift. Never null.
std::shared_ptr<const Error> to_error(const std::exception& error);

/// "a.pth: layer1.0": places from the outside in, each once; either may be empty.
std::string join_places(const std::string& outer, const std::string& inner);

/// Whether printable() escapes nothing in the text: it is UTF-8 without control characters.
bool is_printable(std::string_view text);

/// What `body` returns. A MismatchError or UnsupportedError that leaves it gets `where` in
/// front of its own place.
template <class Body>
auto with_context(const std::string& where, const Body& body) {
  try {
    return body();
  } catch (const MismatchError& error) {
    throw MismatchError(join_places(where, error.where()), error.message(), error.hints());
  } catch (const UnsupportedError& error) {
    throw UnsupportedError(join_places(where, error.where()), error.message(), error.hints());
  }
}

/// Untrusted text as a message shows it on one line: control characters, line breaks, marks of the
/// direction of writing (U+202E) and invalid UTF-8 become \xNN; text beyond `max_bytes` bytes is
/// shortened in the middle. Escaping twice changes nothing. Secrets are hidden before all that
/// (secret.h), so that no rest of one stays.
std::string printable(std::string_view text, std::size_t max_bytes = 120);

}  // namespace weightlift
