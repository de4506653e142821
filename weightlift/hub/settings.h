#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "weightlift/hub.h"

namespace weightlift {

/// Throws UsageError for settings that a caller made and read_hub_settings() would refuse. The
/// message never shows the token.
void require_valid(const HubSettings& settings);

/// The folder of the weights that torch.hub downloads: $TORCH_HOME/hub/checkpoints, by default
/// ~/.cache/torch/hub/checkpoints.
std::filesystem::path torch_checkpoints_folder();

}  // namespace weightlift
