#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "weightlift/hub.h"

namespace weightlift {

/// The folder of the weights that torch.hub downloads: $TORCH_HOME/hub/checkpoints, by default
/// ~/.cache/torch/hub/checkpoints.
std::filesystem::path torch_checkpoints_folder();

}  // namespace weightlift
