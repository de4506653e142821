#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <vector>

#include "weightlift/image/decode.h"
#include "weightlift/image/image.h"
#include "weightlift/image/preprocess.h"
#include "weightlift/predict.h"
#include "weightlift/progress.h"
#include "weightlift/tensor.h"

namespace weightlift {

struct PixelOptions {
  Preparation preparation = Preparation::kTransformers;
  DecodeLimits limits = {};
  int threads = 0;  ///< 0: as many as there are cores
};

/// Images as the input of a network.
struct PixelValues {
  Tensor tensor;             ///< (N, C, H, W), F32
  std::vector<Image> crops;  ///< what the network sees, 8 bits per sample
};

/// Decodes images and prepares them with a folder's image processor, in the color mode of the
/// folder's network (RGB without a config.json). Calls done(i, notes) after each image, in order,
/// on this thread. All images are in memory at the end. Throws what load_folder_processor,
/// load_image and to_pixel_values throw, and what `done` throws.
PixelValues load_pixel_values(const std::filesystem::path& folder,
                              std::span<const ImageInput> images, const PixelOptions& options,
                              const std::function<void(std::size_t, Notes)>& done);

}  // namespace weightlift
