#pragma once

// Layer: base

#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weightlift/version.h"

namespace WEIGHTLIFT_API weightlift {

/// One thing that the caller can do about an error or a note. The library names the action; each
/// front end adds how to do it: the program with an option, Python with an argument.
enum class HintCode {
  kAdvice,              ///< {a sentence}: needs no option
  kDidYouMean,          ///< {the nearest known names}
  kReplace,             ///< replace what is there
  kChooseName,          ///< choose another name for the new folder
  kChooseOutput,        ///< choose another place for the new folder
  kChooseWeights,       ///< {keys}: choose one of the file's state dicts; empty: any of those named
  kIgnoreTensors,       ///< {patterns, joined by commas}: ignore them
  kChooseHead,          ///< {module}: name the Linear layer that is the classifier
  kDropHead,            ///< convert the backbone without its classifier
  kGiveArchitecture,    ///< {name}: name the model in a lone weights file; empty: any name
  kOmitArchitecture,    ///< do not name the model in the file
  kGiveImageProcessor,  ///< {which}: choose an image processor; empty: any
  kGiveLabels,          ///< {which}: name the classes; empty: any
  kTargetTimm,          ///< convert to timm instead
  kConvertFirst,        ///< {source}: convert it, then use the new folder
  kListModels,          ///< list the known names
  kUseRepositoryPrefix,  ///< {owner/name}: name the repository as hf-hub:owner/name
  kAllowPublic,          ///< publish to the repository although it is public
  kAcceptLicense,        ///< {license}: publish under it although it forbids commercial use
  kChooseRepository,     ///< {owner/name}: choose another repository, or name this one
  kNameEach,             ///< convert the sources one by one, and name each folder
};

struct Hint {
  HintCode code = HintCode::kAdvice;
  std::vector<std::string> values = {};
  bool operator==(const Hint&) const = default;
};

using Hints = std::vector<Hint>;

/// "advice", "did-you-mean", "replace", ...
std::string_view to_string(HintCode code);

/// The facts on one line, for a log: "choose-head(encoder.fc)".
std::string to_string(const Hint& hint);

/// Advice that every front end gives in the same words.
inline Hints advice(std::string text) { return {{HintCode::kAdvice, {std::move(text)}}}; }

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

}  // namespace weightlift
