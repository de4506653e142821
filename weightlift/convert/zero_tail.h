#pragma once

#include <optional>

#include "weightlift/checkpoint/checkpoint.h"
#include "weightlift/progress.h"
#include "weightlift/state_dict.h"

namespace weightlift {

/// A warning where a file's weights are zero from some offset on, as in a download that stopped
/// after the file got its size. Reads the file's tensors from the end up to the first byte that is
/// not zero. Biases, statistics and a few zeros at the end are no evidence: training starts so.
std::optional<Note> find_zero_tail(const Checkpoint& checkpoint, const StateDict& tensors);

}  // namespace weightlift
