#pragma once

#include <string>

#include "weightlift/base/message.h"
#include "weightlift/error.h"
#include "weightlift/progress.h"

namespace weightlift {

/// The texts of hints that need no words of a front end: advice. Each one is after "; ".
std::string advice_only(const Hints& hints);

/// What a front end calls the actions and the fields that the library names by codes.
struct Words {
  /// "; use --force to replace it", empty for none.
  std::string (*hints)(const Hints&) = advice_only;
  /// "--head-key" for a request's "head_key".
  std::string (*place)(const std::string& where) = [](const std::string& where) { return where; };
};

/// Chooses the words of this process, which has one front end. Call it once, before any other
/// function of this header. Without it, texts have neither options nor arguments.
void set_words(const Words& chosen);

/// The first value of a hint, empty where it has none.
std::string first_value(const Hint& hint);

/// "WHERE: WHAT; HINT", in the front end's words.
std::string phrase(const Error& error);

/// "WHERE: WHAT; HINT" for the note's code.
std::string phrase(const Note& note);

/// WHAT and HINT, without the place.
std::string phrase_message(const Error& error);
std::string phrase_message(const Note& note);

/// WHERE as the front end calls it.
std::string phrase_place(const std::string& where);

/// What to do, each one after "; ". Empty for none.
std::string phrase(const Hints& hints);

}  // namespace weightlift
