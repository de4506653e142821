#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/base/note.h"
#include "weightlift/checkpoint/output_file.h"
#include "weightlift/image/processor.h"
#include "weightlift/models/resnet_config.h"
#include "weightlift/models/timm_config.h"
#include "weightlift/tensor/state_dict.h"

namespace weightlift {

/// The name of the model card.
inline constexpr const char* kCardFile = "README.md";

/// The library that loads a folder.
enum class Form : std::uint8_t {
  kTransformers,  ///< loads with from_pretrained
  kTimm,          ///< loads with create_model("local-dir:...")
  kTorchvision,   ///< a state dict alone, for load_state_dict
};

/// "transformers", "timm", "torchvision"
std::string_view to_string(Form form);

enum class WeightsFormat : std::uint8_t { kSafetensors, kBin };

/// A model folder without its tensors.
struct ModelFolder {
  Form form = Form::kTransformers;
  WeightsFormat weights_format = WeightsFormat::kSafetensors;
  ResNetConfig config = {};             ///< its dtype is the output dtype
  std::string config_text = {};         ///< a config.json to keep; empty: make it from the others
  std::optional<TimmConfig> timm = {};  ///< for kTimm
  std::optional<ImageProcessor> processor =
      {};  ///< its own file for transformers; part of timm's config
};

/// The name of the weights file: model.safetensors, pytorch_model.bin, or model.pth for
/// torchvision's .bin.
std::string weights_file(const ModelFolder& content);

/// All files of the folder, with the card, which write_model_folder does not write.
std::vector<std::string> file_names(const ModelFolder& content);

/// Writes the weights (floating tensors as config.dtype, counters unchanged), the config and the
/// image processor into an empty folder. Converts while it writes, through a small buffer.
/// transformers' files in safetensors are byte for byte those of transformers 5.23.0's
/// save_pretrained, timm's weights those of save_for_hf. Throws ExistsError for a folder that has
/// weights, UsageError for a timm folder without its config, else IoError; the caller then removes
/// the folder.
void write_model_folder(const std::filesystem::path& folder, const ModelFolder& content,
                        const StateDict& tensors, const WriteProgress& progress = {});

/// An image processor from timm's pretrained_cfg, and how its pixels differ from timm's.
struct ProcessorChoice {
  std::optional<ImageProcessor>
      processor;  ///< empty where ConvNextImageProcessor does not support it
  Notes notes;
};

/// Translates timm's evaluation transform. `test`: uses test_input_size and test_crop_pct where the
/// claims have them. No processor for networks without one or three channels.
ProcessorChoice processor_from_claims(const PretrainedClaims& claims, std::int64_t num_channels,
                                      bool test);

/// The reverse: writes a processor's settings as timm's claims. Returns false, and changes nothing,
/// where timm does not support them: no resizing, another rescale_factor, no normalization, a
/// second crop.
bool claim_processor(const ImageProcessor& processor, std::int64_t num_channels,
                     PretrainedClaims& claims);

}  // namespace weightlift
