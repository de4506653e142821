#include "weightlift/predict/model.h"

#include <fmt/format.h>

#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint/weights_file.h"
#include "weightlift/error.h"
#include "weightlift/models/families.h"
#include "weightlift/models/names.h"
#include "weightlift/models/registry.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

/// Returns the hint for a source that must be converted first.
Hints convert_first(const fs::path& source) { return {{HintCode::kConvertFirst, {shown(source)}}}; }

void require_folder(const fs::path& folder) {
  if (!is_there(folder)) {
    if (find_pretrained(folder.string())) refuse_timm_name(folder);
    throw NotFoundError(shown(folder), "no such folder");
  }
  if (!fs::is_directory(folder)) {
    throw UnsupportedError(shown(folder), "expected a transformers folder, got a file",
                           convert_first(folder));
  }
  if (!is_there(folder / kConfigFile)) {
    throw NotFoundError(shown(folder), "not a transformers folder: config.json not found",
                        convert_first(folder));
  }
}

Model load_config(const fs::path& folder) {
  const fs::path file = folder / kConfigFile;
  const std::string text = read_text_file(file, kMaxConfigBytes);
  if (!is_transformers_config(text, shown(file))) {
    throw UnsupportedError(shown(file), "expected transformers' config.json, got timm's",
                           convert_first(folder));
  }
  Model model = parse_transformers_config(text, shown(file));
  if (model.config.head == Head::kNone) {
    throw UnsupportedError(
        shown(file),
        fmt::format("expected the architecture {}, got a backbone without a classifier",
                    transformers_class(model.network->family(), Head::kClassifier)));
  }
  if (model.config.num_labels == 0) {
    throw UnsupportedError(shown(file), "num_labels is 0: the network has no classifier");
  }
  return model;
}

/// Binds counters to 0, whatever the file has: files from before 2018 have none, and no run reads
/// them.
void bind(OpenedModel& model, const StateDict& tensors) {
  StateDict bound;
  for (const Module::Slot& slot : model.network->slots()) {
    if (slot.role == SlotRole::kCounter)
      bound.insert(slot.name, Tensor::of(Shape{}, std::vector<std::int64_t>{0}));
  }
  for (const auto& [name, tensor] : tensors) {
    if (bound.find(name) == nullptr) bound.insert(name, tensor);
  }
  with_context(shown(model.checkpoint.path), [&] { model.network->load_state_dict(bound); });
}

}  // namespace

void refuse_timm_name(const fs::path& name) {
  throw NotFoundError(shown(name), "no such folder, only a timm model of this name",
                      convert_first(name));
}

OpenedModel open_model(const fs::path& folder) {
  require_folder(folder);
  const Model stated = load_config(folder);
  OpenedModel model{stated.config,
                    open_checkpoint(find_weights_file(folder, Loader::kTransformers)),
                    nullptr,
                    {}};
  model.notes = model.checkpoint.notes;
  const WeightsChoice choice =
      choose_weights(model.checkpoint.dicts, "", shown(model.checkpoint.path));
  const LoadedDict loaded = load_dict(model.checkpoint, choice.dict);
  model.network = stated.network->make(Form::kTransformers, model.config);
  bind(model, loaded.tensors);
  return model;
}

ImageProcessor load_folder_processor(const fs::path& folder) {
  const fs::path file = folder / kProcessorFile;
  std::error_code ignored;
  if (fs::is_directory(folder, ignored) && !is_there(file)) {
    throw NotFoundError(
        shown(file), "not found: the folder has no image processor",
        {{HintCode::kConvertFirst, {shown(folder)}}, {HintCode::kGiveImageProcessor, {}}});
  }
  return load_image_processor(file);
}

ColorMode color_mode_of(std::int64_t num_channels, const std::string& where) {
  constexpr std::int64_t kColors = 3;
  if (num_channels != 1 && num_channels != kColors) {
    throw UnsupportedError(where,
                           fmt::format("num_channels: expected 1 or 3, got {}", num_channels));
  }
  return num_channels == 1 ? ColorMode::kL : ColorMode::kRGB;
}

}  // namespace weightlift
