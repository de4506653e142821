#pragma once

#include <string>

#include "weightlift/export/model_card.h"

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

/// The text as one string of YAML and of Python. JSON's strings are both, except for surrogate
/// pairs, so this escapes no printable character above ASCII.
std::string quoted(const std::string& text);

/// A sentence with untrusted words as Markdown, with HTML, code and links escaped.
std::string prose(const std::string& text);

/// The title of a card, with its newline.
std::string title_line(const std::string& name);

/// The last section of a card: Python code that loads the model, and classifies an image where the
/// image processor is known. The code runs unchanged, on a blank image.
std::string loading_section(const CardFacts& facts);

}  // namespace weightlift
