#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "weightlift/checkpoint/safetensors_writer.h"
#include "weightlift/image/processor.h"
#include "weightlift/models/resnet_config.h"
#include "weightlift/models/timm_config.h"
#include "weightlift/tensor/state_dict.h"

namespace weightlift {

/// The names that from_pretrained looks for.
inline constexpr const char* kConfigFile = "config.json";
inline constexpr const char* kWeightsFile = "model.safetensors";
inline constexpr const char* kProcessorFile = "preprocessor_config.json";
inline constexpr const char* kCardFile = "README.md";

/// Writes config.json, model.safetensors (floating tensors as config.dtype, counters as they are)
/// and, where there is a processor, preprocessor_config.json into an empty folder, byte for byte
/// what transformers 5.23.0's save_pretrained writes. Throws IoError; the folder's owner removes it
/// then.
void write_model_folder(const std::filesystem::path& folder, const ResNetConfig& config,
                        const StateDict& tensors, const std::optional<ImageProcessor>& processor,
                        const WriteProgress& progress = {});

/// An image processor made from timm's pretrained_cfg, and what it cannot reproduce of timm's
/// pixels.
struct ProcessorChoice {
  std::optional<ImageProcessor>
      processor;                   ///< none where ConvNextImageProcessor cannot say it at all
  std::vector<std::string> notes;  ///< one sentence each, for the card and the log
};

/// Translates timm's evaluation transform; `test` takes test_input_size and test_crop_pct where
/// these are stated. Networks of other than one or three channels get none.
ProcessorChoice processor_from_claims(const PretrainedClaims& claims, std::int64_t num_channels,
                                      bool test);

}  // namespace weightlift
