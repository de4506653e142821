#pragma once

#include <cstddef>
#include <filesystem>

#include "weightlift/image/decode.h"
#include "weightlift/predict.h"
#include "weightlift/predict/image_files.h"

namespace weightlift {

/// Decodes the input's bytes, or its file. Throws what decode_image and load_image throw.
DecodedImage decode(const ImageInput& input, ColorMode mode, const DecodeLimits& limits);

/// The image itself, or the images in a folder, as find_images(). Throws NotFoundError for a folder
/// without images.
ImageFiles images_at(const std::filesystem::path& image);

/// The number of threads for that many images, at most `wanted` (0: one per core). `refused`: gets
/// a note where the system refuses some.
int threads_for(std::size_t images, int wanted, Notes& refused);

}  // namespace weightlift
