#pragma once

#include <string>

#include "weightlift/progress.h"

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

/// The note as a sentence for readers of the model card, in plain text; "" for notes that only
/// concern the person who converts.
std::string card_sentence(const Note& note);

}  // namespace weightlift
