#pragma once

#include "weightlift/report/phrase.h"

namespace weightlift {

/// The words of the Python module: arguments and functions.
Words python_words();

}  // namespace weightlift
