#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace weightlift {

/// Checks a model folder before its publication. The weights of a known network (timm or
/// transformers) must be exactly those of its config.json. For other networks, config.json must be
/// JSON, safetensors files whole, and the files of an index present. `files`: paths in the folder.
/// Returns the result as one phrase for the user. Throws MismatchError, FormatError, NotFoundError
/// or IoError where the folder has a fault.
std::string check_model_folder(const std::filesystem::path& folder,
                               const std::vector<std::string>& files);

}  // namespace weightlift
