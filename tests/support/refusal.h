#pragma once

#include <string>
#include <utility>

#include "weightlift/base/message.h"

namespace weightlift::testing {

/// "WHERE: MESSAGE; hint(values); ...": an error with its hints.
inline std::string told(const Error& error) {
  std::string text = error.what();
  for (const Hint& hint : error.hints()) text += "; " + to_string(hint);
  return text;
}

/// The text of the `Kind` that `body` throws, or "accepted" where it throws nothing. Exceptions of
/// other kinds fail the test.
template <class Kind, class Body>
std::string refusal(Body&& body) {
  try {
    std::forward<Body>(body)();
  } catch (const Kind& error) {
    return told(error);
  }
  return "accepted";
}

}  // namespace weightlift::testing
