#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "weightlift/predict/classifier.h"

namespace weightlift {

/// Pictures of which somebody says what they show.
struct LabelledPictures {
  std::vector<PictureInput> pictures;
  std::vector<std::size_t> label_of;                      ///< of each picture, a place in `labels`
  std::vector<std::string> labels;                        ///< each once, sorted
  std::size_t passed_over = 0;                            ///< in the folders, and no pictures
  std::vector<std::filesystem::path> empty_folders = {};  ///< of no pictures: they name no label
};

/// A folder of folders, each named by what its pictures show; or a CSV file (RFC 4180, UTF-8) of
/// the columns file and label, files relative to it. A first line may name the columns, then in any
/// order and beside others: file, filename, path, image, ... and label, class, target or category.
/// Throws IoError or FormatError "where: ...".
LabelledPictures load_labelled_pictures(const std::filesystem::path& path);

}  // namespace weightlift
