#pragma once

#include "weightlift/convert/source.h"

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

/// Finds the network's tensors, its config, its classifier, and the kind of every other tensor.
/// Sets `choice`, `tensors`, `config` (except for transformers folders, which have one), `head`,
/// `outside`, `ignored` and notes. Throws UsageError or NotFoundError for a hint that matches
/// nothing, UnsupportedError for an unsupported network, else MismatchError or FormatError.
void read_weights(Source& source, const SourceHints& hints);

}  // namespace weightlift
