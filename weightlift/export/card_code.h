#pragma once

#include <string>

#include "weightlift/export/model_card.h"

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

/// Any text as one scalar of YAML, and of Python: JSON's strings are both, but for surrogate pairs,
/// so that nothing is escaped that can stand for itself.
std::string quoted(const std::string& text);

/// A sentence with untrusted words in it, without HTML, code or links.
std::string prose(const std::string& text);

/// The title of a card.
std::string title_line(const std::string& name);

/// The last section of a card: Python that loads the model, and uses it on an image where its image
/// processor is known. It runs as it stands, on a blank image.
std::string loading_section(const CardFacts& facts);

}  // namespace weightlift
