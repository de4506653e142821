#pragma once

#include <string>

#include "weightlift/report/phrase.h"

namespace weightlift {

/// The words of the program: options and commands.
Words program_words();

/// The word as a POSIX shell reads it back: quoted where necessary. A word with control characters
/// or invalid UTF-8 is $'...' with octal escapes, for bash, zsh and POSIX 2024.
std::string shell_quoted(const std::string& word);

}  // namespace weightlift
