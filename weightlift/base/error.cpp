#include "weightlift/base/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <utility>

#include "weightlift/base/secret.h"
#include "weightlift/base/text.h"

namespace weightlift {

namespace {

// In the order of ErrorKind.
constexpr std::array<std::string_view, 12> kKinds = {
    "not_found", "exists",  "invalid_format", "unsupported", "mismatch",    "io",
    "usage",     "network", "auth",           "no_memory",   "interrupted", "internal"};

/// Bytes of the character at the front; 0 where it is escaped.
std::size_t printable_length(std::string_view text) {
  const std::size_t length = utf8_length(text);
  return length > 0 && !steers_terminal(code_point(text.substr(0, length))) ? length : 0;
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

std::string_view to_string(ErrorKind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

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

std::string join_places(const std::string& outer, const std::string& inner) {
  if (outer.empty() || inner == outer || inner.starts_with(outer + ": ")) return inner;
  return inner.empty() ? outer : fmt::format("{}: {}", outer, inner);
}

bool is_printable(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = printable_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
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
    const std::size_t length = printable_length(text);
    const std::string_view character =
        text.substr(0, std::max<std::size_t>({length, utf8_length(text), 1}));
    if (length > 0) {
      out += character;
    } else {
      for (const char byte : character) {
        out += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
      }
    }
    text.remove_prefix(character.size());
  }
  return out;
}

}  // namespace weightlift
