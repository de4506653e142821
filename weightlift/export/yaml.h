#pragma once

#include <string>
#include <string_view>

namespace weightlift {

/// Untrusted text as a double-quoted YAML scalar on one line. YAML parsers read it back as it was;
/// bytes that are not UTF-8 become U+FFFD, and secrets are hidden (secret.h).
std::string yaml_quoted(std::string_view text);

}  // namespace weightlift
