#include "weightlift/cli/exit_code.h"

#include <algorithm>

namespace weightlift {

namespace {

constexpr int kSignalBase = 128;

ExitCode code_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kUsage:
      return ExitCode::kUsage;
    case ErrorKind::kNetwork:
    case ErrorKind::kAuth:
      return ExitCode::kHub;
    case ErrorKind::kNoMemory:
      return ExitCode::kNoMemory;
    case ErrorKind::kInternal:
      return ExitCode::kInternal;
    default:
      return ExitCode::kBadInput;
  }
}

}  // namespace

int exit_code(const std::exception& error) {
  if (const auto* interrupted = dynamic_cast<const Interrupted*>(&error)) {
    return kSignalBase + interrupted->signal_number();
  }
  if (dynamic_cast<const ReaderGone*>(&error) != nullptr) {
    return static_cast<int>(ExitCode::kReaderGone);
  }
  if (dynamic_cast<const HubError*>(&error) != nullptr) return static_cast<int>(ExitCode::kHub);
  return static_cast<int>(code_of(to_error(error)->kind()));
}

int worse(int one, int other) { return std::max(one, other); }

}  // namespace weightlift
