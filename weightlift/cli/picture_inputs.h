#pragma once

#include <filesystem>
#include <vector>

namespace weightlift {

/// What an IMAGE on the command line means: that file, or a folder's pictures, sorted; what else
/// lies in the folder is counted in the log. Throws IoError for a folder without any.
std::vector<std::filesystem::path> picture_files_of(const std::filesystem::path& image);

}  // namespace weightlift
