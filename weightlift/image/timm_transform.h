#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "weightlift/image/processor.h"
#include "weightlift/number.h"
#include "weightlift/progress.h"

namespace weightlift {

/// timm's evaluation transform, as its pretrained_cfg states it.
struct TimmTransform {
  std::vector<std::int64_t> input_size = {};       ///< (C, H, W), empty where not stated
  std::vector<std::int64_t> test_input_size = {};  ///< the same
  std::optional<Number> crop_pct = {}, test_crop_pct = {};
  std::string interpolation = {}, crop_mode = {};
  std::vector<Number> mean = {}, std = {};  ///< per channel or one for all
};

/// An image processor, and how its pixels differ from timm's.
struct ProcessorChoice {
  std::optional<ImageProcessor> processor;  ///< empty where transformers has none
  Notes notes;
};

/// The image processor of transformers whose pixels are timm's, where there is one: by what the
/// source states (size, crop_pct, crop_mode, interpolation), not by its network. `test`: uses
/// test_input_size and test_crop_pct where they are stated. No processor for networks without one
/// or three channels.
ProcessorChoice processor_of(const TimmTransform& transform, std::int64_t num_channels, bool test);

/// The reverse: a processor's settings as timm's. Nothing where timm does not support them: no
/// resizing, another rescale_factor, no normalization, a second crop.
std::optional<TimmTransform> timm_transform_of(const ImageProcessor& processor,
                                               std::int64_t num_channels);

}  // namespace weightlift
