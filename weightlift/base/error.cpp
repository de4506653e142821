#include "weightlift/base/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <utility>

#include "weightlift/base/text.h"

namespace weightlift {

namespace {

// In the order of ErrorKind.
constexpr std::array<std::string_view, 12> kKinds = {
    "not_found", "exists",  "invalid_format", "unsupported", "mismatch",    "io",
    "usage",     "network", "auth",           "no_memory",   "interrupted", "internal"};

/// Characters that change how a terminal shows the text around them: control characters, ends of
/// lines, and marks that turn the direction of writing, so that one word reads as another.
bool steers_terminal(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x061C || c == 0x200E || c == 0x200F ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

/// The first character, whose sequence has that length.
char32_t code_point_of(std::string_view text, std::size_t length) {
  constexpr unsigned int kPayload = 0x3F;
  const auto lead = static_cast<unsigned char>(text.front());
  char32_t c = length == 1 ? lead : lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    c = c << 6U | (static_cast<unsigned char>(text[i]) & kPayload);
  }
  return c;
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

std::string printable(std::string_view text, std::size_t max_bytes) {
  std::string shortened;
  if (text.size() > max_bytes) {
    shortened = std::string(text.substr(0, max_bytes / 2)) + "..." +
                std::string(text.substr(text.size() - max_bytes / 2));
    text = shortened;
  }
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const std::string_view character = text.substr(0, std::max<std::size_t>(length, 1));
    if (length > 0 && !steers_terminal(code_point_of(text, length))) {
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
