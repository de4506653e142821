#pragma once

#include <string>
#include <string_view>
#include <vector>

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

/// The parts of a tensor's name between its dots.
std::vector<std::string> name_parts(std::string_view name);

/// A part of a name as a number, plus one; 0 where it is not a number.
int one_more(std::string_view digits);

}  // namespace weightlift
