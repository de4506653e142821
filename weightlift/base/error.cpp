#include <fmt/format.h>

#include <array>
#include <csignal>
#include <cstring>
#include <new>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "weightlift/base/message.h"
#include "weightlift/base/secret.h"
#include "weightlift/base/text.h"

namespace weightlift {

namespace {

// In the order of ErrorKind.
constexpr std::array<std::string_view, 12> kKinds = {
    "not_found", "exists",  "invalid_format", "unsupported", "mismatch",    "io",
    "usage",     "network", "auth",           "no_memory",   "interrupted", "internal"};

bool is_shown(const Utf8Character& character) {
  return character.value && !steers_terminal(*character.value);
}

std::string name_of_signal(int number) {
  switch (number) {
    case SIGINT:
      return "interrupted";
    case SIGTERM:
      return "terminated";
    case SIGHUP:
      return "hung up";
    default:
      break;
  }
  const char* name = ::sigabbrev_np(number);
  return name == nullptr ? fmt::format("stopped by signal {}", number)
                         : fmt::format("stopped by SIG{}", name);
}

}  // namespace

std::string_view to_string(ErrorKind kind) {
  const auto index = static_cast<std::size_t>(kind);
  return index < kKinds.size() ? kKinds[index] : "unknown";
}

Error::Error(ErrorKind kind, std::string where, std::string message, Hints hints)
    : std::runtime_error(join_places(where, message)),
      kind_(kind),
      where_(std::move(where)),
      message_(std::move(message)),
      hints_(std::move(hints)) {}

HubError::HubError(std::string where, std::string message, Hints hints)
    : HubError(ErrorKind::kNetwork, std::move(where), std::move(message), std::move(hints), 0, "") {
}

HubError::HubError(ErrorKind kind, std::string where, std::string message, Hints hints, int status,
                   std::string request_id)
    : Error(kind, std::move(where), std::move(message), std::move(hints)),
      status_(status),
      request_id_(std::move(request_id)) {}

HubError with_hints(const HubError& error, const Hints& more) {
  Hints hints = error.hints();
  hints.insert(hints.end(), more.begin(), more.end());
  return {error.kind(),     error.where(),  error.message(),
          std::move(hints), error.status(), error.request_id()};
}

Interrupted::Interrupted(int signal_number)
    : Error(ErrorKind::kInterrupted, "", name_of_signal(signal_number)),
      signal_number_(signal_number) {}

std::shared_ptr<const Error> to_error(const std::exception& error) {
  if (const auto* hub = dynamic_cast<const HubError*>(&error)) {
    return std::make_shared<HubError>(*hub);
  }
  if (const auto* interrupted = dynamic_cast<const Interrupted*>(&error)) {
    return std::make_shared<Interrupted>(*interrupted);
  }
  if (const auto* known = dynamic_cast<const Error*>(&error))
    return std::make_shared<Error>(*known);
  const auto* system = dynamic_cast<const std::system_error*>(&error);
  const bool no_memory = dynamic_cast<const std::bad_alloc*>(&error) != nullptr ||
                         dynamic_cast<const std::length_error*>(&error) != nullptr ||
                         (system != nullptr && system->code() == std::errc::not_enough_memory);
  if (no_memory) return std::make_shared<NoMemoryError>("out of memory");
  if (system != nullptr) return std::make_shared<IoError>(error.what());
  return std::make_shared<Error>(ErrorKind::kInternal, "",
                                 fmt::format("internal error, please report it: {}", error.what()));
}

std::string join_places(const std::string& outer, const std::string& inner) {
  if (outer.empty() || inner == outer || inner.starts_with(outer + ": ")) return inner;
  return inner.empty() ? outer : fmt::format("{}: {}", outer, inner);
}

bool is_printable(std::string_view text) {
  while (!text.empty()) {
    const Utf8Character character = front_character(text);
    if (!is_shown(character)) return false;
    text.remove_prefix(character.bytes.size());
  }
  return true;
}

std::string printable(std::string_view text, std::size_t max_bytes) {
  const std::string hidden = without_secrets(text);
  text = hidden;
  std::string shortened;
  if (text.size() > max_bytes) {
    shortened = std::string(text.substr(0, max_bytes / 2)) + "..." +
                std::string(text.substr(text.size() - max_bytes / 2));
    text = shortened;
  }
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Utf8Character character = front_character(text);
    if (is_shown(character)) {
      out += character.bytes;
    } else {
      for (const char byte : character.bytes) {
        out += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
      }
    }
    text.remove_prefix(character.bytes.size());
  }
  return out;
}

}  // namespace weightlift
