#include "weightlift/predict/model.h"

#include <fmt/format.h>

#include "weightlift/base/error.h"
#include "weightlift/base/file.h"
#include "weightlift/models/names.h"
#include "weightlift/models/registry.h"
#include "weightlift/models/resnet.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
  std::error_code error;
  const fs::file_type type = fs::status(path, error).type();
  if (type == fs::file_type::none) throw_io_error(path, "cannot be opened", error.value());
  return type != fs::file_type::not_found;
}

/// What to type for a source that is still to be converted.
std::string convert_advice(const fs::path& source) {
  return fmt::format("convert it first: weightlift convert {} -o DIR", shown(source));
}

void require_folder(const fs::path& folder) {
  if (!is_there(folder)) {
    throw IoError(fmt::format("{}: no such folder{}", shown(folder),
                              find_pretrained(folder.string())
                                  ? ", but a name of timm's; " + convert_advice(folder)
                                  : ""));
  }
  const char* got = !fs::is_directory(folder)           ? "a file"
                    : !is_there(folder / "config.json") ? "one without config.json"
                                                        : nullptr;
  if (got == nullptr) return;
  throw IoError(fmt::format("{}: expected a folder of transformers, got {}; {}", shown(folder), got,
                            convert_advice(folder)));
}

ResNetConfig load_config(const fs::path& folder) {
  const fs::path file = folder / "config.json";
  const std::string text = read_text_file(file, kMaxConfigBytes);
  if (!is_transformers_config(text, shown(file))) {
    throw FormatError(fmt::format("{}: expected a config.json of transformers, got one of timm; {}",
                                  shown(file), convert_advice(folder)));
  }
  ResNetConfig config = parse_resnet_config(text, shown(file));
  if (config.head == Head::kNone) {
    throw MismatchError(
        fmt::format("{}: architectures: expected ResNetForImageClassification, got a backbone, "
                    "which has no classifier",
                    shown(file)));
  }
  if (config.num_labels == 0) {
    throw MismatchError(fmt::format(
        "{}: num_labels: expected at least 1, got 0: a network without a classifier", shown(file)));
  }
  return config;
}

/// In transformers' order.
fs::path find_weights(const fs::path& folder) {
  for (const std::string_view name : kWeightsFiles) {
    if (is_there(folder / name)) return folder / name;
  }
  throw IoError(fmt::format("{}: expected model.safetensors or pytorch_model.bin, got neither",
                            shown(folder)));
}

/// Counters are bound to 0, whatever the file has: none from before 2018, and no run reads them.
void bind(OpenedModel& model, const StateDict& tensors) {
  StateDict bound;
  for (const Module::Slot& slot : model.network->slots()) {
    if (slot.counter) bound.insert(slot.name, Tensor::of(Shape{}, std::vector<std::int64_t>{0}));
  }
  for (const auto& [name, tensor] : tensors) {
    if (bound.find(name) == nullptr) bound.insert(name, tensor);
  }
  at(shown(model.checkpoint.path), [&] { model.network->load_state_dict(bound); });
}

}  // namespace

OpenedModel open_model(const fs::path& folder) {
  require_folder(folder);
  OpenedModel model{load_config(folder), open_checkpoint(find_weights(folder)), nullptr, {}};
  model.notes = model.checkpoint.notes;
  const WeightsChoice choice =
      choose_weights(model.checkpoint.dicts, "", shown(model.checkpoint.path));
  const LoadedDict loaded = load_dict(model.checkpoint, choice.dict);
  model.network = make_hf_resnet(model.config);
  bind(model, loaded.tensors);
  return model;
}

ImageProcessor load_folder_processor(const fs::path& folder) {
  const fs::path file = folder / "preprocessor_config.json";
  std::error_code ignored;
  if (fs::is_directory(folder, ignored) && !is_there(file)) {
    throw IoError(fmt::format(
        "{}: expected the settings of an image processor, got no such file; weightlift convert {} "
        "-o DIR --image-processor WHICH makes a folder that has it",
        shown(file), shown(folder)));
  }
  return load_image_processor(file);
}

ColorMode color_mode_of(std::int64_t num_channels, const std::string& where) {
  constexpr std::int64_t kColors = 3;
  if (num_channels != 1 && num_channels != kColors) {
    throw FormatError(fmt::format("{}: num_channels: expected 1 or 3, which pictures have, got {}",
                                  where, num_channels));
  }
  return num_channels == 1 ? ColorMode::kL : ColorMode::kRGB;
}

}  // namespace weightlift
