#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "weightlift/checkpoint/checkpoint.h"
#include "weightlift/image/decode.h"
#include "weightlift/image/processor.h"
#include "weightlift/models/model_config.h"
#include "weightlift/nn/module.h"
#include "weightlift/progress.h"

namespace weightlift {

/// A transformers network with its tensors bound. They are views of the checkpoint's files.
struct OpenedModel {
  ModelConfig config;
  Checkpoint checkpoint;
  std::unique_ptr<Module> network;
  Notes notes;
};

/// Throws NotFoundError for a name of timm's registry in place of a transformers folder.
[[noreturn]] void refuse_timm_name(const std::filesystem::path& name);

/// Opens a transformers folder that has a classifier: config.json, and weights where
/// from_pretrained looks for them (model.safetensors, its index, pytorch_model.bin, its index).
/// Counters may be missing, because no computation uses them. Throws NotFoundError, IoError,
/// FormatError, UnsupportedError or MismatchError. For timm checkpoints the hint is to convert them
/// first.
OpenedModel open_model(const std::filesystem::path& folder);

/// Loads the folder's preprocessor_config.json. Throws NotFoundError where there is none (as
/// transformers' pipeline fails), and what load_image_processor throws.
ImageProcessor load_folder_processor(const std::filesystem::path& folder);

/// Returns the color mode of a network with that many channels. Throws UnsupportedError "where:
/// num_channels: ..." for other numbers than 1 and 3.
ColorMode color_mode_of(std::int64_t num_channels, const std::string& where);

}  // namespace weightlift
