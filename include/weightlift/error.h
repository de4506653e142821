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

/// @file
/// Errors: their kinds, classes and hints.

namespace WEIGHTLIFT_API weightlift {

/// One thing that the caller can do about an error or a note. The library names the action, and
/// each front end adds how to do it: with an option, an argument, a button. In braces: the values.
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
  kAddTrainingState,     ///< also publish the training state
  kGiveShard,            ///< {i/n}: name the part of a batch; empty: any
  kGiveNames,            ///< name the folders of a batch, by a template or one by one
};

/// What the caller can do, as a code with its values. A plain value.
struct Hint {
  HintCode code = HintCode::kAdvice;
  std::vector<std::string> values = {};  ///< in the order that the code's comment states

  bool operator==(const Hint&) const = default;
};

/// Alternatives: each of them can help.
using Hints = std::vector<Hint>;

/// "advice", "did-you-mean", "replace", ...
std::string_view to_string(HintCode code);

/// The facts on one line, for a log: "choose-head(encoder.fc)".
std::string to_string(const Hint& hint);

/// One hint kAdvice: a sentence that every front end shows as it is.
inline Hints advice(std::string text) { return {{HintCode::kAdvice, {std::move(text)}}}; }

/// What kind of failure an Error is. The names (to_string) are stable.
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

/// A failure as facts. what() is one line, "WHERE: MESSAGE", without the hints. An immutable value:
/// several threads may read one Error. References from it are valid as long as it lives.
class Error : public std::runtime_error {
 public:
  /// For a place and a message of one line each; either may be empty.
  Error(ErrorKind kind, std::string where, std::string message, Hints hints = {});

  /// For the caller to decide what to do.
  ErrorKind kind() const { return kind_; }

  /// A file, a URL, a tensor, or a field of the request; empty where the message names it.
  const std::string& where() const { return where_; }

  /// What is wrong: lower case, one line, without a full stop.
  const std::string& message() const { return message_; }

  /// What the caller can do; often none.
  const Hints& hints() const { return hints_; }

 private:
  ErrorKind kind_;
  std::string where_;
  std::string message_;
  Hints hints_;
};

/// An error of one kind, to catch it by. Catch HubError also: what the Hub reports as missing is a
/// HubError of kNotFound, and no NotFoundError.
template <ErrorKind kKind>
class ErrorOf : public Error {
 public:
  /// As Error, with this kind.
  ErrorOf(std::string where, std::string message, Hints hints = {})
      : Error(kKind, std::move(where), std::move(message), std::move(hints)) {}

  /// For a message that names the place.
  explicit ErrorOf(std::string message) : ErrorOf("", std::move(message)) {}
};

using NotFoundError = ErrorOf<ErrorKind::kNotFound>;        ///< not on the Hub: see HubError
using ExistsError = ErrorOf<ErrorKind::kExists>;            ///< the place of a result is taken
using FormatError = ErrorOf<ErrorKind::kInvalidFormat>;     ///< damaged, or changed while read
using UnsupportedError = ErrorOf<ErrorKind::kUnsupported>;  ///< valid, but not supported
using MismatchError = ErrorOf<ErrorKind::kMismatch>;        ///< two sides disagree
using IoError = ErrorOf<ErrorKind::kIo>;                    ///< the system refused a call
using UsageError = ErrorOf<ErrorKind::kUsage>;              ///< a wrong argument or request
using NoMemoryError = ErrorOf<ErrorKind::kNoMemory>;        ///< an allocation failed

/// The Hub or the network failed: kNetwork, kAuth, kNotFound, or kInvalidFormat where the Hub
/// refuses the metadata of a card.
class HubError : public Error {
 public:
  /// For a failure of the network, kNetwork without a reply.
  HubError(std::string where, std::string message, Hints hints = {});

  /// For a reply of the server.
  HubError(ErrorKind kind, std::string where, std::string message, Hints hints, int status = 0,
           std::string request_id = "");

  /// The status of the HTTP reply; 0 without a reply.
  int status() const { return status_; }

  /// The server's id of the request, for its support; empty where it sent none.
  const std::string& request_id() const { return request_id_; }

 private:
  int status_ = 0;
  std::string request_id_;
};

/// A signal asked to stop. The library throws none of its own: a ProgressSink does, in check().
class Interrupted : public Error {
 public:
  /// For a signal, as SIGINT. The message is "interrupted" (SIGINT), "terminated" (SIGTERM), "hung
  /// up" (SIGHUP), or "stopped by SIGUSR1" and so on.
  explicit Interrupted(int signal_number);

  /// The signal: 128 + signal_number() is a shell's exit code.
  int signal_number() const { return signal_number_; }

 private:
  int signal_number_;
};

/// The facts of any exception, as a copy that outlives it; never null. HubError and Interrupted
/// keep their class. Other errors become an Error of the same kind, place, message and hints.
/// std::bad_alloc and std::length_error become kNoMemory, a std::system_error becomes kIo (where
/// memory is short kNoMemory), and all else kInternal.
std::shared_ptr<const Error> to_error(const std::exception& error);

}  // namespace weightlift
