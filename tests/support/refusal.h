#pragma once

#include <string>
#include <utility>

namespace weightlift::testing {

/// The message of the `Kind` that `body` throws, "accepted" where it throws nothing. Exceptions of
/// other kinds pass through and fail the test.
template <class Kind, class Body>
std::string refusal(Body&& body) {
  try {
    std::forward<Body>(body)();
  } catch (const Kind& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace weightlift::testing
