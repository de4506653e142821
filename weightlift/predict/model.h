#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "weightlift/checkpoint/checkpoint.h"
#include "weightlift/image/decode.h"
#include "weightlift/image/processor.h"
#include "weightlift/models/resnet_config.h"
#include "weightlift/nn/module.h"

namespace weightlift {

/// A network of transformers with its tensors bound. They are views of the checkpoint's files.
struct OpenedModel {
  ResNetConfig config;
  Checkpoint checkpoint;
  std::unique_ptr<Module> network;
  std::vector<std::string> notes;  ///< for the log, one line each
};

/// Opens a folder of transformers that has a classifier: config.json, and weights where
/// from_pretrained looks for them (model.safetensors, its index, pytorch_model.bin, its index).
/// Counters, which computing has no part for, need not be there. Throws IoError, FormatError or
/// MismatchError; of timm's folders, saying what makes one of transformers of them.
OpenedModel open_model(const std::filesystem::path& folder);

/// The folder's preprocessor_config.json. Throws IoError where there is none, as transformers'
/// pipeline does, and as load_image_processor.
ImageProcessor load_folder_processor(const std::filesystem::path& folder);

/// The pictures that a network of that many channels sees. Throws FormatError "where:
/// num_channels: ..." for other than 1 and 3.
ColorMode color_mode_of(std::int64_t num_channels, const std::string& where);

}  // namespace weightlift
