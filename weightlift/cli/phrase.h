#pragma once

#include <string>

#include "weightlift/base/message.h"
#include "weightlift/error.h"
#include "weightlift/progress.h"

namespace weightlift {

/// "WHERE: WHAT; HINT", with options and commands spelled out.
std::string phrase(const Error& error);

/// "WHERE: WHAT; HINT", in the program's words for the note's code.
std::string phrase(const Note& note);

/// WHAT and HINT, without the place.
std::string phrase_message(const Error& error);
std::string phrase_message(const Note& note);

/// WHERE as this program calls it: a field of a request by its option.
std::string phrase_place(const std::string& where);

/// What to do, each one after "; ". Empty for none.
std::string phrase(const Hints& hints);

/// The word as a POSIX shell reads it back: quoted where necessary. A word with control characters
/// or invalid UTF-8 is $'...' with octal escapes, for bash, zsh and POSIX 2024.
std::string shell_quoted(const std::string& word);

}  // namespace weightlift
