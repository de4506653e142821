#pragma once

#include "weightlift/convert/source.h"

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

/// Reads which of the checkpoint's tensors are the network's, what the network is, which layer is
/// its classifier, and what every other tensor is. Sets `choice`, `tensors`, `config` (but for
/// folders of transformers, which have one), `head`, `outside`, `left_out` and notes. Throws
/// UsageError for a hint that names nothing, else MismatchError or FormatError.
void read_weights(Source& source, const SourceHints& hints);

}  // namespace weightlift
