#include "weightlift/base/error.h"

#include <fmt/format.h>

#include "weightlift/base/text.h"

namespace weightlift {

namespace {

/// Of the character at the front that may stand in a message as it is, 0 where it may not.
std::size_t printable_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  if (lead < 0x20 || lead == 0x7F) return 0;
  const std::size_t length = utf8_length(text);
  // C1 control characters (U+0080..U+009F) can drive a terminal as ESC does.
  const bool control = lead == 0xC2 && length == 2 && static_cast<unsigned char>(text[1]) < 0xA0;
  return control ? 0 : length;
}

}  // namespace

int exit_code(const std::exception& error) {
  if (const auto* interrupted = dynamic_cast<const Interrupted*>(&error)) {
    return 128 + interrupted->signal_number;
  }
  if (dynamic_cast<const UsageError*>(&error) != nullptr) return static_cast<int>(ExitCode::kUsage);
  if (dynamic_cast<const HubError*>(&error) != nullptr) return static_cast<int>(ExitCode::kHub);
  if (dynamic_cast<const Error*>(&error) != nullptr) return static_cast<int>(ExitCode::kBadInput);
  return static_cast<int>(ExitCode::kInternal);
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
    const std::size_t length = printable_length(text);
    if (length == 0) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
      text.remove_prefix(1);
    } else {
      out += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
  return out;
}

}  // namespace weightlift
