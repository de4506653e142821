#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "weightlift/predict.h"

namespace weightlift {

/// Images with the labels of their true classes.
struct LabelledImages {
  std::vector<ImageInput> images;
  std::vector<std::size_t> label_of;                      ///< of each image, an index of `labels`
  std::vector<std::string> labels;                        ///< each once, sorted
  std::size_t skipped = 0;                                ///< ignored entries of the folders
  std::vector<std::filesystem::path> empty_folders = {};  ///< without images: they give no label
};

/// Reads a folder of folders, each named by the label of the images in it and in its own folders
/// (find_images_below); or a CSV file (RFC 4180,
/// UTF-8) with the columns file and label, files relative to it. The first line may name the
/// columns: file, filename, path, image, ... and label, class, target or category. Then they may
/// have any order and other columns between them. Throws NotFoundError, IoError or FormatError
/// "where: ...".
LabelledImages load_labelled_images(const std::filesystem::path& path);

}  // namespace weightlift
