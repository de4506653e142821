#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weightlift {

/// Length in bytes of the well-formed UTF-8 sequence at the front of `text`, 0 where there is none.
std::size_t utf8_length(std::string_view text);

/// One character of a text.
struct Utf8Character {
  std::string_view bytes;         ///< a well-formed sequence, or one byte that begins none
  std::optional<char32_t> value;  ///< nothing for such a byte
};

/// The character at the front of a text that is not empty.
Utf8Character front_character(std::string_view text);

/// Whether a character changes how a terminal or an editor shows the text around it: control
/// characters, ends of lines, and marks that turn the direction of writing, so that one word reads
/// as another.
bool steers_terminal(char32_t c);

/// Replaces each `what` by `by`, none where it is empty. Replacements are not searched again.
void replace_all(std::string& text, std::string_view what, std::string_view by);

/// The text with each {name} replaced by the value of that name, or by nothing where the name is
/// unknown. Values are not searched again.
std::string fill_in(std::string_view text,
                    const std::vector<std::pair<std::string, std::string>>& values);

/// "a, b, c and 4 more": at most `shown` of a list that may be long.
std::string first_of(const std::vector<std::string>& names, std::size_t shown = 5);

}  // namespace weightlift
