#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/checkpoint.h"
#include "weightlift/image/processor.h"
#include "weightlift/models/family.h"
#include "weightlift/models/model_config.h"
#include "weightlift/models/timm_config.h"
#include "weightlift/state_dict.h"

namespace weightlift {

/// The name of the model card.
inline constexpr const char* kCardFile = "README.md";

/// A model folder without its tensors.
struct ModelFolder {
  Form form = Form::kTransformers;
  WeightsFormat weights_format = WeightsFormat::kSafetensors;
  std::shared_ptr<const Network> network = {};
  ModelConfig config = {};              ///< its dtype is the output dtype
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

/// The exact size of the weights file that write_model_folder would write. Throws as it does.
std::uint64_t weights_file_bytes(const ModelFolder& content, const StateDict& tensors);

/// Writes the weights (floating tensors as config.dtype, counters unchanged), the config and the
/// image processor into an empty folder. Converts while it writes, through a small buffer.
/// transformers' files in safetensors are byte for byte those of transformers 5.23.0's
/// save_pretrained, timm's weights those of save_for_hf. Throws ExistsError for a folder that has
/// weights, UsageError for a timm folder without its config, else IoError; the caller then removes
/// the folder.
void write_model_folder(const std::filesystem::path& folder, const ModelFolder& content,
                        const StateDict& tensors, const WriteProgress& progress = {});

}  // namespace weightlift
