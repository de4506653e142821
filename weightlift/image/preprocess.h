#pragma once

#include <cstdint>
#include <span>

#include "weightlift/image.h"
#include "weightlift/image/image.h"
#include "weightlift/image/processor.h"
#include "weightlift/tensor.h"

namespace weightlift {

/// Returns where a center crop of `crop` pixels begins on an axis of `size` pixels. A negative
/// value is the number of zeros before the image. Where (size - crop) % 4 is 3, timm begins one
/// pixel later.
std::int64_t crop_offset(std::int64_t size, std::int64_t crop, Preparation preparation);

/// Returns the part of an image that the network sees, resized and cropped, still 8 bits per
/// sample. kTimm always keeps the aspect ratio and crops. kTransformers does so where do_resize is
/// true, for ConvNextImageProcessor below 384 pixels. Throws MismatchError where a side would have
/// no pixel or more than 2^31
/// - 1, and UsageError for settings that parse_image_processor refuses, or as require_consistent.
Image crop_seen(const Image& image, const ImageProcessor& processor,
                Preparation preparation = Preparation::kTransformers);

/// Returns images of one size (from crop_seen) as a tensor (N, C, H, W) of F32. kTransformers
/// rescales and normalizes as the flags say, kTimm always. A mean or std of one value applies to
/// all channels. Throws MismatchError where sizes differ, or mean or std has another number of
/// values, and UsageError as require_consistent.
Tensor to_pixel_values(std::span<const Image> crops, const ImageProcessor& processor,
                       Preparation preparation = Preparation::kTransformers);

}  // namespace weightlift
