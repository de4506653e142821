#include "weightlift/hub/path_patterns.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "weightlift/base/text.h"

namespace weightlift {

namespace {

/// Characters as Python's str has them: code points, and a surrogate for each byte that is not
/// UTF-8. '\' becomes '/'.
std::u32string characters_of(std::string_view text) {
  constexpr char32_t kEscapedByte = 0xDC00;
  std::u32string characters;
  while (!text.empty()) {
    const auto [bytes, value] = front_character(text);
    const char32_t character =
        value.value_or(kEscapedByte + static_cast<unsigned char>(text.front()));
    characters += character == U'\\' ? U'/' : character;
    text.remove_prefix(bytes.size());
  }
  return characters;
}

/// One place of a pattern: any text, or one character in (or not in) some ranges.
struct Part {
  bool star = false;
  bool negated = false;
  std::vector<std::pair<char32_t, char32_t>> ranges = {};

  bool matches(char32_t character) const {
    const bool inside = std::ranges::any_of(ranges, [&](const auto& range) {
      return range.first <= character && character <= range.second;
    });
    return inside != negated;
  }
};

/// Reads the set whose '[' is at `at`; moves `at` behind its ']'. Without a ']', '[' is itself.
Part read_set(const std::u32string& pattern, std::size_t& at) {
  const std::size_t size = pattern.size();
  const bool negated = at + 1 < size && pattern[at + 1] == U'!';
  std::size_t next = at + (negated ? 2 : 1);
  const std::size_t end = next < size ? pattern.find(U']', next + 1) : pattern.npos;
  if (end == pattern.npos) {
    ++at;
    return {.ranges = {{U'[', U'['}}};
  }
  Part part{.negated = negated};
  while (next < end) {
    const bool range = next + 2 < end && pattern[next + 1] == U'-';
    part.ranges.emplace_back(pattern[next], pattern[range ? next + 2 : next]);
    next += range ? 3 : 1;
  }
  at = end + 1;
  return part;
}

std::vector<Part> read_pattern(const std::u32string& pattern) {
  std::vector<Part> parts;
  for (std::size_t at = 0; at < pattern.size();) {
    if (pattern[at] == U'[') {
      parts.push_back(read_set(pattern, at));
    } else if (pattern[at] == U'*') {
      parts.push_back({.star = true});
      ++at;
    } else if (pattern[at] == U'?') {
      parts.push_back({.negated = true});  // not in an empty set
      ++at;
    } else {
      parts.push_back({.ranges = {{pattern[at], pattern[at]}}});
      ++at;
    }
  }
  return parts;
}

/// Compares from left to right. After a mismatch, the last star takes one character more: an
/// earlier one never has to.
bool matches(const std::u32string& text, const std::vector<Part>& parts) {
  std::size_t at = 0, part = 0;
  std::size_t star = parts.size(), star_text = 0;
  while (at < text.size()) {
    if (part < parts.size() && parts[part].star) {
      star = part++;
      star_text = at;
    } else if (part < parts.size() && parts[part].matches(text[at])) {
      ++part;
      ++at;
    } else if (star < parts.size()) {
      part = star + 1;
      at = ++star_text;
    } else {
      return false;
    }
  }
  return std::all_of(parts.begin() + static_cast<std::ptrdiff_t>(part), parts.end(),
                     [](const Part& rest) { return rest.star; });
}

bool matches_any(std::string_view path, const std::vector<std::string>& patterns) {
  return std::ranges::any_of(
      patterns, [&](const std::string& pattern) { return matches_pattern(path, pattern); });
}

}  // namespace

bool matches_pattern(std::string_view path, std::string_view pattern) {
  std::u32string whole = characters_of(pattern);
  if (whole.ends_with(U'/')) whole += U'*';
  return matches(characters_of(path), read_pattern(whole));
}

bool is_chosen(std::string_view path, const PathFilter& filter) {
  return (filter.include.empty() || matches_any(path, filter.include)) &&
         !matches_any(path, filter.exclude);
}

}  // namespace weightlift
