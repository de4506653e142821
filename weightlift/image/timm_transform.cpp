#include "weightlift/image/timm_transform.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "weightlift/base/message.h"
#include "weightlift/image/preprocess.h"

namespace weightlift {

namespace {

// Defaults of timm's resolve_data_config.
constexpr double kDefaultCropPct = 0.875;
constexpr std::int64_t kDefaultSize = 224;

/// Mean or standard deviation per channel: timm also accepts one value for all.
std::vector<Number> per_channel(std::vector<Number> values, std::int64_t channels,
                                const std::vector<Number>& fallback) {
  if (values.empty() && channels == 3) return fallback;
  if (values.size() == 1) values.resize(static_cast<std::size_t>(channels), values.front());
  return values;
}

/// How the crop's place differs from timm's, for an image whose short side is `resized`.
void add_crop_note(std::int64_t resized, std::int64_t crop, Notes& notes) {
  const std::int64_t here = crop_offset(resized, crop, Preparation::kTransformers);
  const std::int64_t timm = crop_offset(resized, crop, Preparation::kTimm);
  if (here != timm && resized > crop) {
    notes.push_back({NoteCode::kCropOffset,
                     "",
                     {{"crop", std::to_string(crop)},
                      {"resized", std::to_string(resized)},
                      {"transformers", std::to_string(here)},
                      {"timm", std::to_string(timm)}}});
  } else if (here != timm) {
    notes.push_back({NoteCode::kPadOffset, "", {{"pixels", std::to_string(crop - resized)}}});
  } else {
    notes.push_back({NoteCode::kCropOffsetOfSome});
  }
}

/// timm's resized short side, before its crop.
std::int64_t resized_edge(std::int64_t crop, const Number& crop_pct) {
  constexpr double kLargest = 1e9;  // a hostile crop_pct could overflow an integer
  return static_cast<std::int64_t>(std::min(static_cast<double>(crop) / crop_pct.value, kLargest));
}

/// Chooses the class whose pixels are timm's, where one is, and notes the difference where none is.
/// ConvNextImageProcessor crops below 384 pixels and squashes from there on. BitImageProcessor
/// always crops; its color conversion needs three channels.
void fit_to_crop_mode(const std::string& crop_mode, ImageProcessor& processor, Notes& notes) {
  const std::int64_t edge = processor.shortest_edge;
  const std::int64_t resized = resized_edge(edge, processor.crop_pct);
  const bool squashes = edge >= kFirstSquashedEdge;
  const bool center = crop_mode != "squash" && crop_mode != "border";
  if (center && squashes && processor.image_mean.size() == 3 && resized >= 1 &&
      resized <= kMaxProcessorSide) {
    processor.type = ProcessorClass::kBit;
    processor.shortest_edge = resized;
    processor.center_crop = {edge, edge};
    add_crop_note(resized, edge, notes);
  } else if (squashes && (crop_mode != "squash" || processor.crop_pct.value != 1)) {
    notes.push_back({NoteCode::kCropSquashed, "", {{"edge", std::to_string(edge)}}});
  } else if (!center && !squashes) {
    notes.push_back({NoteCode::kCropModeUnsupported, "", {{"mode", printable(crop_mode)}}});
  } else if (!squashes) {
    add_crop_note(resized, edge, notes);
  }
}

/// The shortest crop_pct by which timm resizes the short side to `resized` before the crop.
Number crop_pct_of(std::int64_t crop, std::int64_t resized) {
  const double exact = static_cast<double>(crop) / static_cast<double>(resized);
  for (double scale = 1; scale <= 1e6; scale *= 10) {
    const Number rounded{std::round(exact * scale) / scale};
    if (rounded.value > 0 && resized_edge(crop, rounded) == resized) return rounded;
  }
  return {exact};
}

std::vector<std::int64_t> size_of(const TimmTransform& transform, std::int64_t channels,
                                  bool test) {
  if (test && !transform.test_input_size.empty()) return transform.test_input_size;
  if (!transform.input_size.empty()) return transform.input_size;
  return {channels, kDefaultSize, kDefaultSize};
}

}  // namespace

std::optional<TimmTransform> timm_transform_of(const ImageProcessor& processor,
                                               std::int64_t num_channels) {
  const bool bit = processor.type == ProcessorClass::kBit;
  const bool supported = processor.do_resize && processor.do_rescale && processor.do_normalize &&
                         processor.rescale_factor == ImageProcessor{}.rescale_factor &&
                         processor.center_crop.has_value() == bit;
  const auto [height, width] = image_size(processor);
  if (!supported || height != width) return std::nullopt;
  const bool squashes = !bit && width >= kFirstSquashedEdge;
  TimmTransform transform;
  transform.input_size = {num_channels, height, width};
  transform.interpolation = interpolation_of(processor.resample);
  transform.crop_pct = bit        ? crop_pct_of(width, processor.shortest_edge)
                       : squashes ? Number{1.0}
                                  : processor.crop_pct;
  transform.crop_mode = squashes ? "squash" : "center";
  transform.mean = processor.image_mean;
  transform.std = processor.image_std;
  return transform;
}

ProcessorChoice processor_of(const TimmTransform& transform, std::int64_t num_channels, bool test) {
  if (num_channels != 1 && num_channels != 3) {
    return {std::nullopt,
            {{NoteCode::kProcessorChannels, "", {{"channels", std::to_string(num_channels)}}}}};
  }
  ImageProcessor processor;
  const std::vector<std::int64_t> size = size_of(transform, num_channels, test);
  if (size[1] != size[2]) {
    return {std::nullopt,
            {{NoteCode::kProcessorNotSquare,
              "",
              {{"height", std::to_string(size[1])}, {"width", std::to_string(size[2])}}}}};
  }
  processor.shortest_edge = size[1];
  const auto& crop_pct =
      test && transform.test_crop_pct ? transform.test_crop_pct : transform.crop_pct;
  const bool stated = crop_pct && crop_pct->value > 0;
  processor.crop_pct = stated ? *crop_pct : Number{kDefaultCropPct};
  processor.resample =
      resample_of(transform.interpolation.empty() ? "bicubic" : transform.interpolation);
  if (processor.resample < 0) {
    return {std::nullopt,
            {{NoteCode::kProcessorInterpolation,
              "",
              {{"interpolation", printable(transform.interpolation, 40)}}}}};
  }
  processor.image_mean = per_channel(transform.mean, num_channels, processor.image_mean);
  processor.image_std = per_channel(transform.std, num_channels, processor.image_std);
  const auto channels = static_cast<std::size_t>(num_channels);
  if (processor.image_mean.size() != channels || processor.image_std.size() != channels) {
    return {std::nullopt,
            {{NoteCode::kProcessorStatistics,
              "",
              {{"mean", std::to_string(processor.image_mean.size())},
               {"std", std::to_string(processor.image_std.size())},
               {"channels", std::to_string(channels)}}}}};
  }
  ProcessorChoice choice{std::move(processor), {}};
  if (transform.input_size.empty() && transform.mean.empty()) {
    choice.notes.push_back({NoteCode::kProcessorDefaults});
  }
  fit_to_crop_mode(transform.crop_mode, *choice.processor, choice.notes);
  return choice;
}

}  // namespace weightlift
