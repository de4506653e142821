#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

namespace weightlift {

/// The pictures that lie in a folder, and how many things do that are none. Pictures are files that
/// look like one or are named like one (.jpg, .gif, ..., whether or not they can be decoded), links
/// that lead nowhere if they are named so, too.
struct PictureFiles {
  std::vector<std::filesystem::path> files;  ///< sorted by name
  std::size_t passed_over = 0;               ///< folders too; hidden files do not count
};

/// Of this folder alone, none below it. Throws IoError where it cannot be read.
PictureFiles find_pictures(const std::filesystem::path& folder);

}  // namespace weightlift
