#include "weightlift/cli/exit_code.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <stdexcept>
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
  if (dynamic_cast<const ReaderGone*>(&error) != nullptr) {
    return static_cast<int>(ExitCode::kReaderGone);
  }
  if (dynamic_cast<const HubError*>(&error) != nullptr) return static_cast<int>(ExitCode::kHub);
  return static_cast<int>(code_of(to_error(error).kind()));
}

int worse(int one, int other) { return std::max(one, other); }

Error to_error(const std::exception& error) {
  if (const auto* known = dynamic_cast<const Error*>(&error)) return *known;
  const auto* system = dynamic_cast<const std::system_error*>(&error);
  const bool no_memory = dynamic_cast<const std::bad_alloc*>(&error) != nullptr ||
                         dynamic_cast<const std::length_error*>(&error) != nullptr ||
                         (system != nullptr && system->code() == std::errc::not_enough_memory);
  if (no_memory) return NoMemoryError("out of memory");
  if (system != nullptr) return IoError(error.what());
  return {ErrorKind::kInternal, "",
          fmt::format("internal error, please report it: {}", error.what())};
}

}  // namespace weightlift
