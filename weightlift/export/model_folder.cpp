#include "weightlift/export/model_folder.h"

#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint.h"

namespace weightlift {

namespace {

/// Only save_pretrained writes metadata, not timm.
SafetensorsMetadata metadata_of(const ModelFolder& content) {
  if (content.form != Form::kTransformers) return {};
  return {{"format", "pt"}};
}

}  // namespace

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

std::uint64_t weights_file_bytes(const ModelFolder& content, const StateDict& tensors) {
  const std::vector<OutputTensor> outputs = output_tensors(tensors, content.config.dtype);
  return content.weights_format == WeightsFormat::kBin
             ? torch_file_bytes(outputs)
             : safetensors_file_bytes(outputs, metadata_of(content));
}

void write_model_folder(const std::filesystem::path& folder, const ModelFolder& content,
                        const StateDict& tensors, const WriteProgress& progress) {
  if (content.form == Form::kTimm && content.config_text.empty() && !content.timm) {
    throw UsageError("timm", "expected a config for a timm folder");
  }
  const std::filesystem::path weights = folder / weights_file(content);
  const std::vector<OutputTensor> outputs = output_tensors(tensors, content.config.dtype);
  if (content.weights_format == WeightsFormat::kBin) {
    write_torch(weights, outputs, progress);
  } else {
    write_safetensors(weights, outputs, metadata_of(content), progress);
  }
  if (content.form == Form::kTorchvision) return;
  const std::string made = !content.config_text.empty() ? content.config_text
                           : content.form == Form::kTimm
                               ? to_timm_json(*content.timm, {content.network, content.config})
                               : content.network->transformers_config(content.config);
  write_atomically(folder / kConfigFile, made);
  if (content.form != Form::kTransformers) return;
  if (content.processor) {
    write_atomically(folder / kProcessorFile, to_preprocessor_json(*content.processor));
  }
}

}  // namespace weightlift
