#include "weightlift/convert/plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <variant>

#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/base/text.h"
#include "weightlift/convert/folder_record.h"
#include "weightlift/convert/processor_choice.h"
#include "weightlift/convert/provenance.h"
#include "weightlift/convert/source_name.h"
#include "weightlift/error.h"
#include "weightlift/models/timm_config.h"
#include "weightlift/progress.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

std::string folder_name(const ConversionRequest& request, const std::string& source_name) {
  if (!request.name.empty()) return request.name;
  return request.to == Form::kTransformers ? checkpoint_name(source_name)
                                           : source_name;  // the old script's names
}

std::string require_folder_name(const ConversionRequest& request, const std::string& source_name) {
  std::string name = folder_name(request, source_name);
  if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos) {
    throw UsageError(printable(request.source, 400),
                     fmt::format("'{}' cannot be the name of a folder", printable(name)),
                     {{HintCode::kChooseName, {}}});
  }
  return name;
}

/// Refuses to replace a folder that contains the source.
void refuse_own_source(const Source& source, const fs::path& folder) {
  if (is_within(source.path, folder)) {
    throw ExistsError(shown(folder), fmt::format("contains the source, {}", shown(source.path)),
                      {{HintCode::kChooseOutput, {}}});
  }
}

/// Refuses to replace a folder that is not a model folder, such as a folder of photos.
void refuse_foreign_folder(const fs::path& folder) {
  std::error_code error;
  const fs::directory_iterator entries(folder, error);
  std::error_code ignored;
  const bool model = fs::exists(folder / kConfigFile, ignored) ||
                     fs::exists(folder / "model.pth", ignored);  // torchvision's has no config
  if (error || entries == fs::directory_iterator() || model) return;
  throw ExistsError(
      shown(folder),
      fmt::format("not a model folder (no config.json, but {}), so weightlift does not replace it",
                  printable(entries->path().filename().native())),
      {{HintCode::kChooseName, {}}});
}

/// Whether the source itself gives the labels or the image processor.
template <class From>
bool is_from_source(const From& from) {
  return std::holds_alternative<FromSource>(from);
}

/// timm's config of the target: the source's own where it has one, else from known weights or the
/// network.
TimmConfig choose_timm_config(const ConversionRequest& request, const LocalSource& from,
                              Plan& plan) {
  const Source& source = plan.source;
  const ModelConfig& config = plan.config();
  const bool of_timm = source.timm.has_value();
  const auto known = of_timm ? std::nullopt : find_known(request, from, source, plan.sha256_hex);
  TimmConfig chosen =
      with_context(shown(source.path), [&] { return make_timm_config(plan.model(), known); });
  if (of_timm) {
    chosen.architecture = source.timm->architecture;
    chosen.model_args = source.timm->model_args;
    chosen.pretrained_cfg = source.timm->pretrained_cfg;
  }
  const bool stated = of_timm && is_from_source(request.image_processor);
  if (plan.content.processor && !stated &&
      !claim_processor(*plan.content.processor, config.num_channels, chosen.pretrained_cfg)) {
    plan.processor_notes.push_back({NoteCode::kProcessorNotInTimm});
  }
  return chosen;
}

WeightsFormat wanted_format(const ConversionRequest& request) {
  return request.weights_format.value_or(
      request.to == Form::kTorchvision ? WeightsFormat::kBin : WeightsFormat::kSafetensors);
}

/// Whether the request adds nothing to the source's name and card.
bool states_nothing(const ConversionRequest& request) {
  return request.name.empty() && request.license.empty() && request.base_model.empty() &&
         request.datasets.empty();
}

/// Whether the source already is the requested folder.
bool is_already(const ConversionRequest& request, const Source& source) {
  const WeightsFormat format = wanted_format(request);
  const Checkpoint& checkpoint = source.checkpoint;
  const bool same_format =
      checkpoint.files.size() == 1 &&
      checkpoint.format == (format == WeightsFormat::kSafetensors ? CheckpointFormat::kSafetensors
                                                                  : CheckpointFormat::kTorchZip);
  const bool plain =
      source.choice.prefix.empty() && source.ignored.empty() && source.outside.empty() &&
      source.choice.dict == 0 && source.counters_added == 0 && source.head.empty() &&
      !source.bias_added && !source.mixed_dtypes &&
      ((source.choice.dialect != nullptr && source.choice.dialect->timm_name == nullptr) ||
       source.kind == SourceKind::kTransformersFolder);
  const bool described = source.kind != SourceKind::kFile || request.to == Form::kTorchvision;
  return form_of(source) == request.to && described && same_format && plain &&
         request.dtype.value_or(source.config.dtype) == source.config.dtype &&
         (request.head == Head::kClassifier || source.config.head == Head::kNone) &&
         is_from_source(request.id2label) && is_from_source(request.image_processor) &&
         !request.hints.as && request.images.empty() && states_nothing(request);
}

/// Whether the source's config, with keys that weightlift does not know, is also true for the new
/// folder.
bool keeps_config(const ConversionRequest& request, const Source& source) {
  return source.kind == SourceKind::kTimmFolder && request.head == Head::kClassifier &&
         is_from_source(request.id2label) &&
         request.dtype.value_or(source.config.dtype) == source.config.dtype &&
         is_from_source(request.image_processor);
}

/// Replaces notes about transformers by notes about settings that other forms cannot store.
void forget_transformers_notes(Plan& plan) {
  plan.processor_notes.clear();
  plan.labels.notes.clear();
  const ModelConfig& config = plan.config();
  if (config.problem_type != ProblemType::kUnstated) {
    plan.labels.notes.push_back({NoteCode::kProblemTypeDropped});
  }
  const bool gaps = std::ranges::any_of(config.id2label, [&](const auto& entry) {
    return entry.first < 0 || entry.first >= config.num_labels;
  });
  if (gaps) {
    plan.labels.notes.push_back({NoteCode::kLabelIdsDropped});
  }
}

/// Prepares the images before anything is written, so that a bad one fails early.
std::vector<PreparedImage> plan_images(const ConversionRequest& request,
                                       const ModelFolder& content) {
  if (content.config.head == Head::kNone || content.config.num_labels == 0) {
    throw UsageError("images", "expected a network with classes, got a backbone");
  }
  if (!content.processor) {
    throw UsageError("images", "preparing images needs an image processor, and there is none",
                     {{HintCode::kGiveImageProcessor, {}}});
  }
  return prepare_images(request.images, *content.processor, content.config);
}

void plan_content(const ConversionRequest& request, const LocalSource& from, Plan& plan) {
  const Source& source = plan.source;
  ModelFolder& content = plan.content;
  content.form = request.to;
  content.weights_format = wanted_format(request);
  plan.labels = choose_labels(source, request.id2label);
  ProcessorChoice processor = choose_processor(source, request.image_processor);
  content.processor = std::move(processor.processor);
  plan.processor_notes = std::move(processor.notes);
  content.network = source.network;
  content.config = source.config;
  if (request.head == Head::kNone) content.config.head = Head::kNone;
  if (content.config.head == Head::kNone) plan.labels.notes.clear();
  content.config.id2label = plan.labels.id2label;
  if (request.dtype) content.config.dtype = *request.dtype;
  if (content.processor && content.config.num_channels == 1) {
    plan.processor_notes.push_back({NoteCode::kGrayscalePipeline});
  }
  if (!request.images.empty()) plan.images = plan_images(request, content);
  if (request.to != Form::kTransformers) forget_transformers_notes(plan);
  if (request.to == form_of(source) && keeps_config(request, source)) {
    content.config_text = read_text_file(source.path / kConfigFile, kMaxConfigBytes);
  }
  if (request.to == Form::kTimm) content.timm = choose_timm_config(request, from, plan);
}

}  // namespace

TempFolder::Existing existing(const ConversionRequest& request, const fs::path& folder) {
  const bool replace = request.force || (request.if_changed && has_record(folder));
  return replace ? TempFolder::Existing::kReplace : TempFolder::Existing::kRefuse;
}

Plan make_plan(const ConversionRequest& request, const LocalSource& from) {
  require_valid(request.verify_options);
  Plan plan{};
  plan.source = open_source(from.path, request.hints);
  settle_outside(plan.source, request.head);
  const Source& source = plan.source;
  if (request.hints.as && source.kind == SourceKind::kTransformersFolder &&
      request.to != Form::kTimm) {
    throw UsageError("as", "expected a lone weights file, got a transformers folder");
  }
  if (is_already(request, source)) {
    make_network(source, source.config.head);  // throws where the weights are not the config's
    return plan;
  }
  plan.name = require_folder_name(request, from.name);
  refuse_own_source(source, request.output / plan.name);
  require_destination(request, from.name);
  plan_content(request, from, plan);
  const Head head = plan.config().head;
  plan.input = input_shape(source);
  if (source.kind == SourceKind::kTransformersFolder && plan.content.processor) {
    const ImageProcessor::CenterCrop size = image_size(*plan.content.processor);
    plan.input[2] = std::min(size.height, kLargestInput);
    plan.input[3] = std::min(size.width, kLargestInput);
  }
  plan.src = make_network(source, head);
  plan.dest = with_context(shown(source.path),
                           [&] { return plan.content.network->make(request.to, plan.config()); });
  return plan;
}

fs::path planned_folder(const ConversionRequest& request, const std::string& source_name) {
  return request.output / folder_name(request, source_name);
}

void require_destination(const ConversionRequest& request, const std::string& source_name) {
  const std::string name = require_folder_name(request, source_name);
  const fs::path folder = request.output / name;
  std::error_code ignored;
  if (request.if_changed && !request.force && fs::is_directory(folder, ignored) &&
      !has_record(folder)) {
    throw ExistsError(shown(folder), "already exists, and has no record of its source",
                      {{HintCode::kReplace, {}}});
  }
  require_place(request.output, name, existing(request, folder));
  // What is no record of ours protects nothing.
  if (request.force || (request.if_changed && !read_record(folder))) refuse_foreign_folder(folder);
}

}  // namespace weightlift
