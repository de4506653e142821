#include "weightlift/convert/processor_choice.h"

#include <fmt/format.h>

#include "weightlift/base/error.h"
#include "weightlift/base/file.h"
#include "weightlift/base/hint.h"
#include "weightlift/base/note.h"
#include "weightlift/base/text.h"
#include "weightlift/models/registry.h"
#include "weightlift/models/timm_config.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

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

ProcessorChoice choose_processor(const Source& source, const std::string& which,
                                 const std::string& from) {
  const std::int64_t channels = source.config.num_channels;
  if (which == "source" || which == "source-test") {
    if (source.timm) {
      return processor_from_claims(source.timm->pretrained_cfg, channels, which == "source-test");
    }
    if (source.kind == SourceKind::kTransformersFolder) return folder_processor(source);
    return {std::nullopt, {{NoteCode::kProcessorNotInFile, shown(source.path), {}, kChoose}}};
  }
  if (channels != 1 && channels != 3) {
    throw UsageError(
        "image_processor",
        fmt::format("images have one or three channels, but the network has {}", channels));
  }
  if (which == "convnext-base-224-22k-1k") {
    return given_processor({}, "facebook/convnext-base-224-22k-1k", channels);
  }
  std::error_code ignored;
  const auto named = fs::exists(which, ignored) ? std::nullopt : find_pretrained(which);
  if (named) {
    return timm_processor(timm_config_of(*named).pretrained_cfg,
                          fmt::format("timm/{}", full_name(*named)), channels);
  }
  const bool folder = fs::is_directory(which, ignored);
  const fs::path file = folder ? fs::path(which) / kProcessorFile : fs::path(which);
  if (folder && !fs::exists(file, ignored)) {
    return timm_processor(folder_claims(which), printable(fs::path(which).filename().string()),
                          channels);
  }
  return given_processor(load_image_processor(file),
                         from.empty() ? printable(file.filename().string()) : from, channels);
}

}  // namespace weightlift
