#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "weightlift/hub/path_patterns.h"
#include "weightlift/progress.h"

namespace weightlift {

/// Which files of a folder to publish.
struct FileChoice {
  PathFilter filter = {};
  bool training_state = false;  ///< also what training_state would list
};

/// The files of a folder that belong to a model's repository: paths in the folder, with '/',
/// sorted.
struct ModelFiles {
  std::vector<std::string> paths;     ///< to publish
  std::vector<std::string> of_model;  ///< all but the training state, chosen or not
  /// Skipped: files that resume a training run or describe it. A folder of them is one entry, with
  /// a final '/'.
  std::vector<std::string> training_state;
  std::vector<std::string> linked_folders;  ///< links to folders, whose content is not published
  std::size_t hidden = 0;                   ///< files and folders whose name begins with a dot
  std::size_t others = 0;  ///< __pycache__, links to folders or to nothing, devices
};

/// Throws NotFoundError, MismatchError or IoError where there is no folder, or it cannot be read.
ModelFiles list_model_files(const std::filesystem::path& folder, const FileChoice& choice = {});

/// Notes the files that are not published, except those that the user excluded.
void note_skipped_files(const ModelFiles& files, ProgressSink& progress);

}  // namespace weightlift
