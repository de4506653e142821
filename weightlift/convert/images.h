#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "weightlift/conversion.h"
#include "weightlift/image/processor.h"
#include "weightlift/models/model_config.h"
#include "weightlift/nn/module.h"

namespace weightlift {

/// An image as input of a network.
struct PreparedImage {
  std::string file;     ///< as given
  Tensor pixel_values;  ///< (1, C, H, W)
};

/// Reads and prepares images for a network. Throws NotFoundError, IoError or FormatError with the
/// image's name where it cannot read one, and UnsupportedError for networks without one or three
/// input channels.
std::vector<PreparedImage> prepare_images(const std::vector<std::filesystem::path>& files,
                                          const ImageProcessor& processor,
                                          const ModelConfig& config);

/// Runs both networks on an image, on one thread. The networks have their tensors, `config` has
/// the labels.
ImageComparison compare_on_image(const Module& src, const Module& dest, const ModelConfig& config,
                                 const PreparedImage& image);

}  // namespace weightlift
