#pragma once

#include <cstdint>
#include <span>

#include "weightlift/image/picture.h"
#include "weightlift/image/processor.h"
#include "weightlift/tensor/tensor.h"

namespace weightlift {

/// Whose way from a picture to pixel values: both read the same settings, and differ.
enum class Preparation : std::uint8_t {
  kTransformers,  ///< ConvNextImageProcessorPil of transformers 5.23.0, with Pillow 13.0.0
  kTimm,          ///< the evaluation transform of timm 1.0.31 (crop_mode "center"), with the same
};

/// Where a centre crop begins on an axis of `size` pixels, of which it takes `crop`. Negative: so
/// many zeros come first. Where (size - crop) % 4 is 3, timm begins one pixel later.
std::int64_t crop_offset(std::int64_t size, std::int64_t crop, Preparation preparation);

/// What the network sees of a picture, still 8 bits a sample: resized and cropped. kTimm always
/// resizes with its aspect kept and always crops; kTransformers below 384 pixels, by do_resize.
/// Throws MismatchError where a side would have no pixel or more than 2^31 - 1.
Picture crop_seen(const Picture& picture, const ImageProcessor& processor,
                  Preparation preparation = Preparation::kTransformers);

/// Pictures of one size, as crop_seen makes them, as a tensor (N, C, H, W) of F32: rescaled and
/// normalised as the flags say, kTimm always. A mean or std of one value is for all channels.
/// Throws MismatchError where sizes differ or mean and std are not the channels'.
Tensor to_pixel_values(std::span<const Picture> crops, const ImageProcessor& processor,
                       Preparation preparation = Preparation::kTransformers);

/// Both for one picture: (1, C, H, W).
Tensor preprocess(const Picture& picture, const ImageProcessor& processor,
                  Preparation preparation = Preparation::kTransformers);

}  // namespace weightlift
