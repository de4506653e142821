#include "weightlift/base/error.h"

#include <fmt/format.h>

namespace weightlift {

namespace {

/// Length in bytes of the well-formed UTF-8 sequence at the front of `text`, 0 where there is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const bool overlong = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xF0 && byte(1) < 0x90);
  const bool surrogate = lead == 0xED && byte(1) >= 0xA0;
  const bool beyond = lead == 0xF4 && byte(1) >= 0x90;
  // C1 control characters (U+0080..U+009F) can drive a terminal as ESC does.
  const bool control = lead == 0xC2 && byte(1) < 0xA0;
  return overlong || surrogate || beyond || control ? 0 : length;
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
    const auto lead = static_cast<unsigned char>(text.front());
    const std::size_t length = lead < 0x20 || lead == 0x7F ? 0 : utf8_length(text);
    if (length == 0) {
      out += fmt::format("\\x{:02x}", lead);
      text.remove_prefix(1);
    } else {
      out += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
  return out;
}

}  // namespace weightlift
