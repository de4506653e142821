#include "weightlift/cli/exit_code.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <system_error>

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
  if (dynamic_cast<const BrokenPipe*>(&error) != nullptr) {
    return static_cast<int>(ExitCode::kBrokenPipe);
  }
  if (dynamic_cast<const HubError*>(&error) != nullptr) return static_cast<int>(ExitCode::kHub);
  if (const auto* known = dynamic_cast<const Error*>(&error)) {
    return static_cast<int>(code_of(known->kind()));
  }
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
    return static_cast<int>(ExitCode::kNoMemory);
  }
  if (dynamic_cast<const std::system_error*>(&error) != nullptr) {
    return static_cast<int>(ExitCode::kBadInput);
  }
  return static_cast<int>(ExitCode::kInternal);
}

int worse(int one, int other) { return std::max(one, other); }

Error to_error(const std::exception& error) {
  if (const auto* known = dynamic_cast<const Error*>(&error)) return *known;
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
    return NoMemoryError("out of memory");
  }
  if (dynamic_cast<const std::system_error*>(&error) != nullptr) return IoError(error.what());
  return {ErrorKind::kInternal, "",
          fmt::format("internal error, please report it: {}", error.what())};
}

}  // namespace weightlift
