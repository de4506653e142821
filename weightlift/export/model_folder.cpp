#include "weightlift/export/model_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "weightlift/base/error.h"
#include "weightlift/base/file.h"
#include "weightlift/checkpoint/safetensors_writer.h"
#include "weightlift/checkpoint/torch_writer.h"
#include "weightlift/image/preprocess.h"
#include "weightlift/tensor/convert.h"

namespace weightlift {

namespace {

// timm's resolve_data_config falls back to these.
constexpr double kDefaultCropPct = 0.875;
constexpr std::int64_t kDefaultSize = 224;

/// Mean or standard deviation for every channel: timm also takes one value for all.
std::vector<Number> per_channel(std::vector<Number> values, std::int64_t channels,
                                const std::vector<Number>& fallback) {
  if (values.empty() && channels == 3) return fallback;
  if (values.size() == 1) values.resize(static_cast<std::size_t>(channels), values.front());
  return values;
}

void add_pixel_notes(const ImageProcessor& processor, const std::string& crop_mode,
                     std::vector<std::string>& notes) {
  const std::int64_t edge = processor.shortest_edge;
  if (edge >= kFirstSquashedEdge) {
    notes.push_back(fmt::format(
        "pixels differ from timm's: at {} and above ConvNextImageProcessor resizes to a square and "
        "ignores crop_pct",
        edge));
    return;
  }
  if (crop_mode == "squash" || crop_mode == "border") {
    notes.push_back(fmt::format(
        "pixels differ from timm's: crop_mode '{}' cannot be said, the centre is cropped",
        crop_mode));
    return;
  }
  constexpr double kLargest = 1e9;  // what a hostile crop_pct asks for may be no integer
  const auto resized = static_cast<std::int64_t>(
      std::min(static_cast<double>(edge) / processor.crop_pct.value, kLargest));
  const std::int64_t here = crop_offset(resized, edge, Preparation::kTransformers);
  const std::int64_t timm = crop_offset(resized, edge, Preparation::kTimm);
  if (here != timm && resized > edge) {
    notes.push_back(
        fmt::format("pixels differ from timm's: transformers begins the crop of {} out of {} at "
                    "pixel {}, timm at {}",
                    edge, resized, here, timm));
  } else if (here != timm) {
    notes.push_back(fmt::format(
        "pixels differ from timm's with transformers' Pillow back end: it puts one more "
        "of the {} empty pixels around the picture in front of it",
        edge - resized));
  } else {
    notes.emplace_back(
        "square pictures are cropped as by timm; of others one in four is cropped one pixel "
        "earlier");
  }
}

std::vector<std::int64_t> size_of(const PretrainedClaims& claims, std::int64_t channels,
                                  bool test) {
  if (test && !claims.test_input_size.empty()) return claims.test_input_size;
  if (!claims.input_size.empty()) return claims.input_size;
  return {channels, kDefaultSize, kDefaultSize};
}

}  // namespace

std::string_view to_string(Form form) {
  switch (form) {
    case Form::kTransformers:
      return "transformers";
    case Form::kTimm:
      return "timm";
    case Form::kTorchvision:
      return "torchvision";
  }
  return "unknown";
}

std::string weights_file(const ModelFolder& content) {
  if (content.weights_format == WeightsFormat::kSafetensors) return "model.safetensors";
  return content.form == Form::kTorchvision ? "model.pth" : "pytorch_model.bin";
}

std::vector<std::string> file_names(const ModelFolder& content) {
  std::vector<std::string> names;
  if (content.form != Form::kTorchvision) names.emplace_back(kConfigFile);
  names.push_back(weights_file(content));
  if (content.form == Form::kTransformers && content.processor) names.emplace_back(kProcessorFile);
  names.emplace_back(kCardFile);
  return names;
}

void write_model_folder(const std::filesystem::path& folder, const ModelFolder& content,
                        const StateDict& tensors, const WriteProgress& progress) {
  const std::filesystem::path weights = folder / weights_file(content);
  const auto written_dtype = [&](const Tensor& tensor) {
    return is_floating(tensor.dtype()) ? content.config.dtype : tensor.dtype();
  };
  if (content.weights_format == WeightsFormat::kBin) {
    StateDict converted;
    for (const auto& [name, tensor] : tensors) {
      converted.insert(name, to_dtype(tensor, written_dtype(tensor)));
    }
    write_torch(weights, converted, progress);
  } else {
    std::vector<SafetensorsEntry> entries;
    entries.reserve(tensors.size());
    for (const auto& [name, tensor] : tensors) {
      entries.push_back({name, tensor, written_dtype(tensor)});
    }
    SafetensorsMetadata metadata;  // save_pretrained writes some, timm and save_file write none
    if (content.form == Form::kTransformers) metadata = {{"format", "pt"}};
    write_safetensors(weights, entries, metadata, progress);
  }
  if (content.form == Form::kTorchvision) return;
  const std::string made = !content.config_text.empty() ? content.config_text
                           : content.form == Form::kTimm
                               ? to_timm_json(content.timm.value(), content.config)
                               : to_config_json(content.config);
  write_atomically(folder / kConfigFile, made);
  if (content.form != Form::kTransformers) return;
  if (content.processor) {
    write_atomically(folder / kProcessorFile, to_preprocessor_json(*content.processor));
  }
}

bool claim_processor(const ImageProcessor& processor, std::int64_t num_channels,
                     PretrainedClaims& claims) {
  const bool sayable = processor.do_resize && processor.do_rescale && processor.do_normalize &&
                       processor.rescale_factor == ImageProcessor{}.rescale_factor &&
                       !processor.center_crop;
  if (!sayable) return false;
  const std::int64_t edge = processor.shortest_edge;
  claims.input_size = {num_channels, edge, edge};
  claims.interpolation = interpolation_of(processor.resample);
  claims.crop_pct = edge >= kFirstSquashedEdge ? Number{1.0} : processor.crop_pct;
  claims.crop_mode = edge >= kFirstSquashedEdge ? "squash" : "center";
  claims.mean = processor.image_mean;
  claims.std = processor.image_std;
  return true;
}

ProcessorChoice processor_from_claims(const PretrainedClaims& claims, std::int64_t num_channels,
                                      bool test) {
  if (num_channels != 1 && num_channels != 3) {
    return {std::nullopt,
            {fmt::format("no image processor: pictures have one or three channels, this "
                         "network takes {}",
                         num_channels)}};
  }
  ImageProcessor processor;
  const std::vector<std::int64_t> size = size_of(claims, num_channels, test);
  if (size[1] != size[2]) {
    return {std::nullopt,
            {fmt::format("no image processor: ConvNextImageProcessor makes squares, timm "
                         "states {}x{}",
                         size[1], size[2])}};
  }
  processor.shortest_edge = size[1];
  const auto& crop_pct = test && claims.test_crop_pct ? claims.test_crop_pct : claims.crop_pct;
  const bool stated = crop_pct && crop_pct->value > 0;
  processor.crop_pct = stated ? *crop_pct : Number{kDefaultCropPct};
  processor.resample = resample_of(claims.interpolation.empty() ? "bicubic" : claims.interpolation);
  if (processor.resample < 0) {
    return {std::nullopt,
            {fmt::format("no image processor: interpolation '{}' has no counterpart in Pillow",
                         printable(claims.interpolation, 40))}};
  }
  processor.image_mean = per_channel(claims.mean, num_channels, processor.image_mean);
  processor.image_std = per_channel(claims.std, num_channels, processor.image_std);
  const auto channels = static_cast<std::size_t>(num_channels);
  if (processor.image_mean.size() != channels || processor.image_std.size() != channels) {
    return {std::nullopt,
            {fmt::format("no image processor: expected a mean and std of {} values, got {} and {}",
                         channels, processor.image_mean.size(), processor.image_std.size())}};
  }
  ProcessorChoice choice{processor, {}};
  if (claims.input_size.empty() && claims.mean.empty()) {
    choice.notes.emplace_back(
        "the source's config says nothing of pictures: the image processor has timm's defaults");
  }
  add_pixel_notes(processor, claims.crop_mode, choice.notes);
  return choice;
}

}  // namespace weightlift
