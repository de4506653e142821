#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace weightlift {

/// Looks a folder of a model over before it is published. The weights of a ResNet (of timm or
/// transformers) must be exactly those that its config.json promises; of other networks, what can
/// be read is: config.json is JSON, safetensors files are whole, an index names files that are
/// there. `files`: paths in the folder. Returns one phrase that says what was found, for the user.
/// Throws MismatchError, FormatError or IoError where the folder is not fit to be published.
std::string check_model_folder(const std::filesystem::path& folder,
                               const std::vector<std::string>& files);

}  // namespace weightlift
