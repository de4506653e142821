#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weightlift/checkpoint.h"
#include "weightlift/progress.h"
#include "weightlift/state_dict.h"

namespace weightlift {

/// Throws UnsupportedError where the dicts of a torch file hold something in place of the tensors
/// of layers, and says what to do: a whole model, a method that was saved without calling it, or
/// numpy arrays.
void require_layer_tensors(const Checkpoint& checkpoint);

}  // namespace weightlift
