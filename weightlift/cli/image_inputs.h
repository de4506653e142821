#pragma once

#include <filesystem>
#include <vector>

namespace weightlift {

/// The files of an IMAGE on the command line: that file, or a folder's images, sorted. Logs the
/// number of other entries. Throws an error for a folder without images.
std::vector<std::filesystem::path> image_files_of(const std::filesystem::path& image);

}  // namespace weightlift
