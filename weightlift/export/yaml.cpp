#include "weightlift/export/yaml.h"

#include <fmt/format.h>

#include <cstdint>

#include "weightlift/base/secret.h"
#include "weightlift/base/text.h"

namespace weightlift {

namespace {

/// What YAML forbids (control characters, U+FFFE), reads as a line break (U+0085, U+2028, U+2029)
/// or strips (the byte order mark), and what an editor obeys instead of showing it.
bool is_escaped(char32_t c) {
  return steers_terminal(c) || c == 0xFEFF || c == 0xFFFE || c == 0xFFFF;
}

}  // namespace

std::string yaml_quoted(std::string_view text) {
  const std::string hidden = without_secrets(text);
  text = hidden;
  std::string out = "\"";
  while (!text.empty()) {
    const auto [bytes, value] = front_character(text);
    const char32_t c = value.value_or(0xFFFD);
    if (!value || is_escaped(c)) {
      out += fmt::format("\\u{:04X}", static_cast<std::uint32_t>(c));
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += bytes;
    }
    text.remove_prefix(bytes.size());
  }
  return out + '"';
}

}  // namespace weightlift
