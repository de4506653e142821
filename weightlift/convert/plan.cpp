#include "weightlift/convert/plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "weightlift/base/error.h"
#include "weightlift/base/file.h"
#include "weightlift/base/text.h"
#include "weightlift/convert/processor_choice.h"
#include "weightlift/convert/provenance.h"
#include "weightlift/convert/source_name.h"
#include "weightlift/models/resnet.h"
#include "weightlift/models/timm_config.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

/// What the source is called: by its path, without a weights file's ending, unless it was given.
std::string name_of_source(const ConversionRequest& request) {
  if (!request.source_name.empty()) return request.source_name;
  std::error_code ignored;
  std::string last = last_part_of(request.source);
  return fs::is_directory(request.source, ignored) ? last : strip_known_ending(last);
}

std::string folder_name(const ConversionRequest& request) {
  if (!request.name.empty()) return request.name;
  const std::string name = name_of_source(request);
  return request.to == Form::kTransformers ? checkpoint_name(name)
                                           : name;  // the old script's names
}

std::string require_folder_name(const ConversionRequest& request) {
  std::string name = folder_name(request);
  if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos) {
    throw UsageError(fmt::format(
        "{}: expected a folder name of one part that does not begin with a dot, got "
        "'{}'; --name gives one",
        request.source_name.empty() ? request.source : request.source_name, printable(name)));
  }
  return name;
}

/// Replacing a folder that holds the source would delete what is converted.
void refuse_own_source(const Source& source, const fs::path& folder) {
  if (is_within(source.path, folder)) {
    throw IoError(fmt::format(
        "{}: destination: expected another folder than the source's own, got {}; --output or "
        "--name gives another",
        folder.string(), source.path.string()));
  }
}

/// --force is for replacing what a conversion made, not somebody's photos.
void refuse_foreign_folder(const fs::path& folder) {
  std::error_code error;
  const fs::directory_iterator entries(folder, error);
  if (error || entries == fs::directory_iterator() || fs::exists(folder / "config.json", error)) {
    return;
  }
  throw IoError(fmt::format(
      "{}: destination: expected a model's folder to replace, got one without config.json that "
      "holds {}; remove it yourself or give another --name",
      folder.string(), printable(entries->path().filename().native())));
}

/// timm's config of the target: the source's own where it is of timm, else what is known.
TimmConfig choose_timm_config(const ConversionRequest& request, Plan& plan) {
  const Source& source = plan.source;
  const ResNetConfig& config = plan.config();
  const bool of_timm = source.timm.has_value();
  const auto known = of_timm ? std::nullopt : find_known(request, source, plan.sha256_hex);
  TimmConfig chosen = at(source.path.string(), [&] { return make_timm_config(config, known); });
  if (of_timm) {
    chosen.architecture = source.timm->architecture;
    chosen.layers = source.timm->layers;
    chosen.channels = source.timm->channels;
    chosen.pretrained_cfg = source.timm->pretrained_cfg;
  }
  const bool stated = of_timm && request.image_processor == "source";
  if (plan.content.processor && !stated &&
      !claim_processor(*plan.content.processor, config.num_channels, chosen.pretrained_cfg)) {
    plan.processor_notes.emplace_back(
        "timm's config cannot say this image processor (its resizing, rescaling, normalising or "
        "second crop): it says nothing of pictures, and timm would prepare others");
  }
  return chosen;
}

/// torchvision's class takes the number of classes and the blocks; all else is fixed in it.
void require_torchvisions_shape(const ResNetConfig& config) {
  if (make_timm_config(config).channels || config.num_channels != 3) {
    throw MismatchError(
        fmt::format("network: expected channels of 64, 128, 256, 512 for three input channels, as "
                    "torchvision's ResNet has, got [{}] for {}; --to timm can say that",
                    fmt::join(config.hidden_sizes, ", "), config.num_channels));
  }
}

WeightsFormat wanted_format(const ConversionRequest& request) {
  return request.weights_format.value_or(
      request.to == Form::kTorchvision ? WeightsFormat::kBin : WeightsFormat::kSafetensors);
}

/// Whether the new folder would say no more than the source does.
bool states_nothing(const ConversionRequest& request) {
  return request.name.empty() && request.license.empty() && request.base_model.empty() &&
         request.datasets.empty();
}

/// Whether the source is what is asked for, file for file.
bool is_already(const ConversionRequest& request, const Source& source) {
  const WeightsFormat format = wanted_format(request);
  const Checkpoint& checkpoint = source.checkpoint;
  const bool same_format =
      checkpoint.files.size() == 1 &&
      checkpoint.format == (format == WeightsFormat::kSafetensors ? CheckpointFormat::kSafetensors
                                                                  : CheckpointFormat::kTorchZip);
  const bool plain =
      source.choice.prefix.empty() && source.left_out.empty() && source.outside.empty() &&
      source.choice.dict == 0 && source.counters_added == 0 && source.head.empty() &&
      !source.bias_added &&
      (source.choice.naming == Naming::kTimm || source.kind == SourceKind::kTransformersFolder);
  return form_of(source) == request.to && same_format && plain &&
         request.dtype.value_or(source.config.dtype) == source.config.dtype &&
         (request.head == Head::kKeep || source.config.head == Head::kNone) &&
         request.id2label.empty() && request.image_processor == "source" && !request.hints.as &&
         request.images.empty() && states_nothing(request);
}

/// Whether all that the source's config says is true of the new folder, known to this program or
/// not.
bool keeps_config(const ConversionRequest& request, const Source& source) {
  return source.kind == SourceKind::kTimmFolder && request.head == Head::kKeep &&
         request.id2label.empty() &&
         request.dtype.value_or(source.config.dtype) == source.config.dtype &&
         request.image_processor == "source";
}

/// What other forms have no place for, and are not troubled by.
void forget_transformers_notes(Plan& plan) {
  plan.processor_notes.clear();
  plan.labels.notes.clear();
  const ResNetConfig& config = plan.config();
  if (config.problem_type != ProblemType::kUnstated) {
    plan.labels.notes.emplace_back(
        "the config's problem_type has no place in this form: scores are the caller's to make");
  }
  const bool gaps = std::ranges::any_of(config.id2label, [&](const auto& entry) {
    return entry.first < 0 || entry.first >= config.num_labels;
  });
  if (gaps) {
    plan.labels.notes.emplace_back(
        "id2label has ids beyond the classes: these labels are left out, and classes without one "
        "are "
        "named LABEL_i");
  }
}

/// Before anything is written: a picture that cannot be read, or that nobody can judge.
std::vector<PreparedPicture> plan_pictures(const ConversionRequest& request,
                                           const ModelFolder& content) {
  if (content.config.head == Head::kNone || content.config.num_labels == 0) {
    throw MismatchError("--image: expected a network with classes, got a backbone");
  }
  if (!content.processor) {
    throw MismatchError(
        "--image: expected an image processor, got none; --image-processor gives one");
  }
  return prepare_pictures(request.images, *content.processor, content.config);
}

void plan_content(const ConversionRequest& request, Plan& plan) {
  const Source& source = plan.source;
  ModelFolder& content = plan.content;
  content.form = request.to;
  content.weights_format = wanted_format(request);
  plan.labels = choose_labels(source, request.id2label, request.id2label_from);
  ProcessorChoice processor =
      choose_processor(source, request.image_processor, request.image_processor_from);
  content.processor = std::move(processor.processor);
  plan.processor_notes = std::move(processor.notes);
  plan.processor_advice = std::move(processor.advice);
  content.config = source.config;
  if (request.head == Head::kNone) content.config.head = Head::kNone;
  if (content.config.head == Head::kNone) plan.labels.notes.clear();
  content.config.id2label = plan.labels.id2label;
  if (request.dtype) content.config.dtype = *request.dtype;
  if (content.processor && content.config.num_channels == 1) {
    plan.processor_notes.emplace_back(
        "transformers' pipeline makes every picture RGB, which a network of one channel does not "
        "take: give processor and model luminance yourself");
  }
  if (!request.images.empty()) plan.pictures = plan_pictures(request, content);
  if (request.to != Form::kTransformers) forget_transformers_notes(plan);
  if (request.to == form_of(source) && keeps_config(request, source)) {
    content.config_text = read_text_file(source.path / kConfigFile, kMaxConfigBytes);
  }
  if (request.to == Form::kTimm) content.timm = choose_timm_config(request, plan);
  if (request.to == Form::kTorchvision)
    at(source.path.string(), [&] { require_torchvisions_shape(content.config); });
}

}  // namespace

Form form_of(const Source& source) {
  switch (source.kind) {
    case SourceKind::kTimmFolder:
      return Form::kTimm;
    case SourceKind::kTransformersFolder:
      return Form::kTransformers;
    case SourceKind::kFile:
      return Form::kTorchvision;
  }
  return Form::kTorchvision;
}

TempFolder::Existing existing(const ConversionRequest& request) {
  return request.force ? TempFolder::Existing::kReplace : TempFolder::Existing::kRefuse;
}

Plan make_plan(const ConversionRequest& request) {
  Plan plan{open_source(request.source, request.hints), {}, {}, {}, {}, {}, {}, {}, {}, {}, {}};
  settle_outside(plan.source, request.head);
  const Source& source = plan.source;
  if (request.hints.as && source.kind == SourceKind::kTransformersFolder &&
      request.to != Form::kTimm) {
    throw UsageError(
        "--as: expected a source that does not say what it is, got a folder of transformers");
  }
  if (is_already(request, source)) {
    make_network(source, source.config.head);  // throws where the weights are not the config's
    return plan;
  }
  plan.name = require_folder_name(request);
  refuse_own_source(source, request.output / plan.name);
  require_destination(request);
  plan_content(request, plan);
  const Head head = plan.config().head;
  plan.input = input_shape(source);
  if (source.kind == SourceKind::kTransformersFolder && plan.content.processor) {
    const std::int64_t edge = std::min(plan.content.processor->shortest_edge, kLargestInput);
    plan.input[2] = plan.input[3] = edge;
  }
  plan.src = make_network(source, head);
  plan.dest = request.to == Form::kTransformers ? make_hf_resnet(plan.config(), head)
                                                : make_timm_resnet(plan.config(), head);
  return plan;
}

fs::path planned_folder(const ConversionRequest& request) {
  return request.output / folder_name(request);
}

void require_destination(const ConversionRequest& request) {
  const std::string name = require_folder_name(request);
  require_place(request.output, name, existing(request));
  if (request.force) refuse_foreign_folder(request.output / name);
}

}  // namespace weightlift
