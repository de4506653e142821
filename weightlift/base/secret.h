#pragma once

#include <string>
#include <string_view>

namespace weightlift {

/// What messages show in place of a secret.
inline constexpr std::string_view kHiddenSecret = "***";

/// Hides a token or a password in all later messages of the process (printable): each run of eight
/// or more of its characters, plain, in another case, in base64, escaped as in URLs, JSON and HTML,
/// or with blanks and invisible characters between them. A shorter secret is hidden as a whole; a
/// text of less than four characters is none. Any thread may call it.
void hide_in_messages(std::string_view secret);

/// The text with "***" in place of hidden secrets, and of user name and password in URLs.
std::string without_secrets(std::string_view text);

}  // namespace weightlift
