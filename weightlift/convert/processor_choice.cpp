#include "weightlift/convert/processor_choice.h"

#include <fmt/format.h>

#include <variant>

#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/base/nearest.h"
#include "weightlift/base/text.h"
#include "weightlift/error.h"
#include "weightlift/models/registry.h"
#include "weightlift/models/timm_config.h"
#include "weightlift/progress.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

constexpr const char* kField = "image_processor";

const Hints kChoose = {{HintCode::kGiveImageProcessor, {}}};

Note chosen(const std::string& which) {
  return {NoteCode::kProcessorChosen, "", {{"which", which}}};
}

/// A processor that the user chose, even where it does not fit.
ProcessorChoice given_processor(const ImageProcessor& processor, const std::string& which,
                                std::int64_t num_channels) {
  ProcessorChoice choice{processor, {chosen(which)}};
  const auto channels = static_cast<std::size_t>(num_channels);
  for (const auto* values : {&processor.image_mean, &processor.image_std}) {
    if (values->size() != channels) {
      choice.notes.push_back({NoteCode::kProcessorMismatch,
                              "",
                              {{"mean", std::to_string(processor.image_mean.size())},
                               {"std", std::to_string(processor.image_std.size())},
                               {"channels", std::to_string(channels)}}});
      break;
    }
  }
  return choice;
}

/// The image processor of a transformers folder.
ProcessorChoice folder_processor(const Source& source) {
  const fs::path file = source.path / kProcessorFile;
  std::error_code ignored;
  if (!fs::exists(file, ignored))
    return {std::nullopt, {{NoteCode::kProcessorNotInFolder, shown(source.path), {}, kChoose}}};
  return {load_image_processor(file), {}};
}

/// A processor from another model's timm settings, with a note.
ProcessorChoice timm_processor(const PretrainedClaims& claims, const std::string& which,
                               std::int64_t num_channels) {
  ProcessorChoice choice = processor_from_claims(claims, num_channels, false);
  choice.notes.insert(choice.notes.begin(), chosen(which));
  return choice;
}

PretrainedClaims folder_claims(const fs::path& folder) {
  const fs::path file = folder / kConfigFile;
  std::error_code ignored;
  const std::string text =
      fs::exists(file, ignored) ? read_text_file(file, kMaxConfigBytes) : std::string();
  if (text.empty() || is_transformers_config(text, shown(file))) {
    throw NotFoundError(shown(folder),
                        fmt::format("neither {} nor timm's config.json found", kProcessorFile));
  }
  return parse_timm_config(text, shown(file)).pretrained_cfg;
}

/// The source's own image processor; `test`: with timm's settings for tests.
ProcessorChoice own_processor(const Source& source, bool test) {
  if (source.timm) {
    return processor_from_claims(source.timm->pretrained_cfg, source.config.num_channels, test);
  }
  if (source.kind == SourceKind::kTransformersFolder) return folder_processor(source);
  return {std::nullopt, {{NoteCode::kProcessorNotInFile, shown(source.path), {}, kChoose}}};
}

ProcessorChoice preset_processor(const Preset& preset, std::int64_t channels) {
  if (preset.name == kConvNextProcessor) {
    return given_processor({}, fmt::format("facebook/{}", kConvNextProcessor), channels);
  }
  const auto cfg = find_pretrained(preset.name);
  if (!cfg) {
    throw NotFoundError(kField, fmt::format("unknown image processor '{}'", printable(preset.name)),
                        did_you_mean(nearest_names(preset.name)));
  }
  return timm_processor(timm_config_of(*cfg).pretrained_cfg,
                        fmt::format("timm/{}", full_name(*cfg)), channels);
}

ProcessorChoice file_processor(const File& given, std::int64_t channels) {
  std::error_code ignored;
  const bool folder = fs::is_directory(given.path, ignored);
  const fs::path file = folder ? given.path / kProcessorFile : given.path;
  if (folder && !fs::exists(file, ignored)) {
    return timm_processor(folder_claims(given.path), printable(given.path.filename().string()),
                          channels);
  }
  return given_processor(load_image_processor(file),
                         given.name.empty() ? printable(file.filename().string()) : given.name,
                         channels);
}

}  // namespace

ProcessorChoice processor_from_claims(const PretrainedClaims& claims, std::int64_t num_channels,
                                      bool test) {
  const TimmTransform transform{.input_size = claims.input_size,
                                .test_input_size = claims.test_input_size,
                                .crop_pct = claims.crop_pct,
                                .test_crop_pct = claims.test_crop_pct,
                                .interpolation = claims.interpolation,
                                .crop_mode = claims.crop_mode,
                                .mean = claims.mean,
                                .std = claims.std};
  return processor_of(transform, num_channels, test);
}

bool claim_processor(const ImageProcessor& processor, std::int64_t num_channels,
                     PretrainedClaims& claims) {
  const std::optional<TimmTransform> transform = timm_transform_of(processor, num_channels);
  if (!transform) return false;
  claims.input_size = transform->input_size;
  claims.interpolation = transform->interpolation;
  claims.crop_pct = transform->crop_pct;
  claims.crop_mode = transform->crop_mode;
  claims.mean = transform->mean;
  claims.std = transform->std;
  return true;
}

ProcessorChoice choose_processor(const Source& source, const ProcessorFrom& which) {
  const bool test = std::holds_alternative<FromSourceTest>(which);
  if (test || std::holds_alternative<FromSource>(which)) return own_processor(source, test);
  const std::int64_t channels = source.config.num_channels;
  if (channels != 1 && channels != 3) {
    throw UsageError(
        kField, fmt::format("images have one or three channels, but the network has {}", channels));
  }
  if (const auto* preset = std::get_if<Preset>(&which)) return preset_processor(*preset, channels);
  if (const auto* file = std::get_if<File>(&which)) return file_processor(*file, channels);
  throw UsageError(
      kField, fmt::format("not fetched: {}", printable(std::get<Repository>(which).address, 400)));
}

}  // namespace weightlift
