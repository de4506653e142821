#pragma once

#include <string>

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

/// Returns the text with A to Z in lower case and all else unchanged.
inline std::string ascii_lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

}  // namespace weightlift
