#include "weightlift/export/yaml.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "weightlift/base/text.h"

namespace weightlift {

namespace {

struct CodePoints {
  std::uint32_t first, last;
};

/// What YAML forbids (control characters, U+FFFE), reads as a line break (U+0085, U+2028, U+2029), or
/// strips (the byte order mark); and what a viewer obeys instead of showing it (directions of text).
constexpr std::array kEscaped = std::to_array<CodePoints>({{0, 0x1F},
                                                           {0x7F, 0x9F},
                                                           {0x61C, 0x61C},
                                                           {0x200E, 0x200F},
                                                           {0x2028, 0x202E},
                                                           {0x2066, 0x2069},
                                                           {0xFEFF, 0xFEFF},
                                                           {0xFFFE, 0xFFFF}});

/// Of one well-formed UTF-8 sequence.
std::uint32_t code_point(std::string_view sequence) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(sequence[i]); };
  if (sequence.size() == 1) return byte(0);
  std::uint32_t point = byte(0) & (0xFFU >> (sequence.size() + 1));
  for (std::size_t i = 1; i < sequence.size(); ++i) point = point << 6U | (byte(i) & 0x3FU);
  return point;
}

}  // namespace

std::string yaml_quoted(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const std::string_view sequence = text.substr(0, std::max<std::size_t>(length, 1));
    const std::uint32_t point = length == 0 ? 0xFFFD : code_point(sequence);
    const bool escape = length == 0 || std::ranges::any_of(kEscaped, [&](const CodePoints& range) {
                          return range.first <= point && point <= range.last;
                        });
    if (escape) {
      out += fmt::format("\\u{:04X}", point);
    } else {
      if (point == '"' || point == '\\') out += '\\';
      out += sequence;
    }
    text.remove_prefix(sequence.size());
  }
  return out + '"';
}

}  // namespace weightlift
