#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "weightlift/predict.h"
#include "weightlift/progress.h"

namespace weightlift {

/// The files of an IMAGE on the command line: that file, or a folder's images, sorted. Logs the
/// number of other entries. Throws an error for a folder without images.
std::vector<std::filesystem::path> image_files_of(const std::filesystem::path& image);

/// The images of several IMAGE; "-" is standard input, and must be the only one.
std::vector<ImageInput> find_inputs(const std::vector<std::string>& images);

/// threads_for(); where the system refuses some, logs a note and adds it to `notes`.
int threads_logged(std::size_t images, int wanted, Notes& notes);

}  // namespace weightlift
