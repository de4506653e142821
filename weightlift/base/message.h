#pragma once

#include <string>
#include <string_view>

#include "weightlift/error.h"

namespace weightlift {

/// The same failure with more hints.
HubError with_hints(const HubError& error, const Hints& more);

/// "a.pth: layer1.0": places from the outside in, each once; either may be empty.
std::string join_places(const std::string& outer, const std::string& inner);

/// Whether printable() escapes nothing in the text: it is UTF-8 without control characters.
bool is_printable(std::string_view text);

/// What `body` returns. A MismatchError or UnsupportedError that leaves it gets `where` in
/// front of its own place.
template <class Body>
auto with_context(const std::string& where, const Body& body) {
  try {
    return body();
  } catch (const MismatchError& error) {
    throw MismatchError(join_places(where, error.where()), error.message(), error.hints());
  } catch (const UnsupportedError& error) {
    throw UnsupportedError(join_places(where, error.where()), error.message(), error.hints());
  }
}

/// Untrusted text as a message shows it on one line: control characters, line breaks, marks of the
/// direction of writing (U+202E) and invalid UTF-8 become \xNN; text beyond `max_bytes` bytes is
/// shortened in the middle. Escaping twice changes nothing. Secrets are hidden before all that
/// (secret.h), so that no rest of one stays.
std::string printable(std::string_view text, std::size_t max_bytes = 120);

}  // namespace weightlift
