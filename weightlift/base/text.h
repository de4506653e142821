#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace weightlift {

/// Length in bytes of the well-formed UTF-8 sequence at the front of `text`, 0 where there is none.
/// `text` is not empty.
std::size_t utf8_length(std::string_view text);

/// Puts `by` in the place of each `what`, which is not empty; what is put in is not looked at
/// again.
void replace_all(std::string& text, std::string_view what, std::string_view by);

/// "a, b, c and 4 more": at most `shown` of a list that may be long.
std::string first_of(const std::vector<std::string>& names, std::size_t shown = 5);

}  // namespace weightlift
