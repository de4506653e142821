#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/checkpoint/output_file.h"
#include "weightlift/image/processor.h"
#include "weightlift/models/resnet_config.h"
#include "weightlift/models/timm_config.h"
#include "weightlift/tensor/state_dict.h"

namespace weightlift {

/// The names that from_pretrained looks for.
inline constexpr const char* kConfigFile = "config.json";
inline constexpr const char* kProcessorFile = "preprocessor_config.json";
inline constexpr const char* kCardFile = "README.md";

/// Whose form a folder has.
enum class Form : std::uint8_t {
  kTransformers,  ///< what from_pretrained loads
  kTimm,          ///< what create_model("local-dir:...") loads
  kTorchvision,   ///< a state dict alone, for load_state_dict
};

/// "transformers", "timm", "torchvision"
std::string_view to_string(Form form);

enum class WeightsFormat : std::uint8_t { kSafetensors, kBin };

/// What a folder holds beside its tensors.
struct ModelFolder {
  Form form = Form::kTransformers;
  WeightsFormat weights_format = WeightsFormat::kSafetensors;
  ResNetConfig config = {};      ///< its dtype is that of floating tensors
  std::string config_text = {};  ///< a config.json to be kept as it is; empty: made of the others
  std::optional<TimmConfig> timm = {};  ///< of kTimm
  std::optional<ImageProcessor> processor =
      {};  ///< written for transformers; timm has it in config
};

/// The weights' name: model.safetensors, pytorch_model.bin; torchvision's .bin is a model.pth.
std::string weights_file(const ModelFolder& content);

/// All files of the folder, the card among them, which write_model_folder does not write.
std::vector<std::string> file_names(const ModelFolder& content);

/// Writes the weights (floating tensors as config.dtype, counters as they are) and what describes
/// them into an empty folder: for transformers in safetensors byte for byte what transformers
/// 5.23.0's save_pretrained writes, for timm the weights byte for byte as timm's save_for_hf.
/// Throws IoError; the folder's owner removes it then.
void write_model_folder(const std::filesystem::path& folder, const ModelFolder& content,
                        const StateDict& tensors, const WriteProgress& progress = {});

/// An image processor made from timm's pretrained_cfg, and what it cannot reproduce of timm's
/// pixels.
struct ProcessorChoice {
  std::optional<ImageProcessor>
      processor;                   ///< none where ConvNextImageProcessor cannot say it at all
  std::vector<std::string> notes;  ///< one sentence each, for the card and the log
  std::string advice = {};         ///< for the log, after the last note: options to give
};

/// Translates timm's evaluation transform; `test` takes test_input_size and test_crop_pct where
/// these are stated. Networks of other than one or three channels get none.
ProcessorChoice processor_from_claims(const PretrainedClaims& claims, std::int64_t num_channels,
                                      bool test);

/// The other way: what a processor says of pictures, in timm's words. False, and nothing claimed,
/// where these cannot say it: no resizing, another rescale_factor, no normalising, a second crop.
bool claim_processor(const ImageProcessor& processor, std::int64_t num_channels,
                     PretrainedClaims& claims);

}  // namespace weightlift
