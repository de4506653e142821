#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "weightlift/image/processor.h"
#include "weightlift/models/resnet_config.h"
#include "weightlift/nn/module.h"
#include "weightlift/predict/scores.h"

namespace weightlift {

/// A picture as a network sees it.
struct PreparedPicture {
  std::string file;     ///< as given
  Tensor pixel_values;  ///< (1, C, H, W)
};

/// What both networks say of a picture.
struct PictureComparison {
  std::string file;
  bool bit_equal = true;              ///< of the logits
  std::vector<Prediction> src, dest;  ///< up to five, the likeliest first
};

/// Reads and prepares pictures for a network. Throws IoError or FormatError naming the picture that
/// cannot be read, MismatchError for networks that take none.
std::vector<PreparedPicture> prepare_pictures(const std::vector<std::filesystem::path>& files,
                                              const ImageProcessor& processor,
                                              const ResNetConfig& config);

/// Runs both networks, which hold their tensors, on a picture, on one thread. `config` has the
/// labels.
PictureComparison compare_on_picture(Module& src, Module& dest, const ResNetConfig& config,
                                     const PreparedPicture& picture);

}  // namespace weightlift
