#pragma once

#include <exception>

#include "weightlift/base/message.h"

namespace weightlift {

/// The program's exit codes: docs/exit-codes.md.
enum class ExitCode : int {
  kOk = 0,
  kInternal = 1,      ///< a fault of weightlift, or results that standard output did not take
  kUsage = 2,         ///< wrong options or arguments
  kBadInput = 3,      ///< a source that cannot be used, or a place that cannot be written
  kDifferent = 4,     ///< verify or diff found a difference
  kHub = 5,           ///< the Hub or the network failed
  kNoMemory = 6,      ///< out of memory
  kReaderGone = 141,  ///< the reader of standard output is gone, as a shell reports SIGPIPE
};

/// The exit code of a failure; 128 + the signal's number for Interrupted.
int exit_code(const std::exception& error);

/// The exit code of several sources: the largest below 128; 128 and above win, since they stop the
/// work.
int worse(int one, int other);

/// The reader of standard output is gone: no message reports it.
class ReaderGone : public IoError {
 public:
  using IoError::IoError;
};

}  // namespace weightlift
