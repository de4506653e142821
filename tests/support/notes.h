#pragma once

#include <string>
#include <vector>

#include "weightlift/progress.h"

namespace weightlift::testing {

/// "WHERE: code name='value'; hint(values)" for each note.
inline std::vector<std::string> told(const Notes& notes) {
  std::vector<std::string> texts;
  for (const Note& note : notes) {
    std::string text = to_string(note);
    for (const Hint& hint : note.hints) text += "; " + to_string(hint);
    texts.push_back(std::move(text));
  }
  return texts;
}

}  // namespace weightlift::testing
