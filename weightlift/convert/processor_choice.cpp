#include "weightlift/convert/processor_choice.h"

#include <fmt/format.h>

#include "weightlift/base/error.h"
#include "weightlift/base/file.h"
#include "weightlift/base/text.h"
#include "weightlift/models/registry.h"
#include "weightlift/models/timm_config.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

/// A processor that the user asked for, right or wrong.
ProcessorChoice given_processor(const ImageProcessor& processor, std::string note,
                                std::int64_t num_channels) {
  ProcessorChoice choice{processor, {std::move(note)}};
  const auto channels = static_cast<std::size_t>(num_channels);
  for (const auto* values : {&processor.image_mean, &processor.image_std}) {
    if (values->size() != channels) {
      choice.notes.push_back(
          fmt::format("image processor: it has a mean and std of {} and {} values, this network "
                      "takes {} channels: it will not work",
                      processor.image_mean.size(), processor.image_std.size(), channels));
      break;
    }
  }
  return choice;
}

/// What lies beside the weights in transformers' folders.
ProcessorChoice folder_processor(const Source& source) {
  const fs::path file = source.path / kProcessorFile;
  std::error_code ignored;
  if (!fs::exists(file, ignored))
    return {std::nullopt, {"no image processor: the source has none"}};
  return {load_image_processor(file), {}};
}

/// By timm's settings, with a word that they are somebody else's.
ProcessorChoice timm_processor(const PretrainedClaims& claims, std::string note,
                               std::int64_t num_channels) {
  ProcessorChoice choice = processor_from_claims(claims, num_channels, false);
  choice.notes.insert(choice.notes.begin(), std::move(note));
  return choice;
}

PretrainedClaims folder_claims(const fs::path& folder) {
  const fs::path file = folder / kConfigFile;
  std::error_code ignored;
  const std::string text =
      fs::exists(file, ignored) ? read_text_file(file, kMaxConfigBytes) : std::string();
  if (text.empty() || is_transformers_config(text, shown(file))) {
    throw IoError(fmt::format(
        "{}: --image-processor: expected a {} or timm's config.json in this folder, got neither",
        shown(folder), kProcessorFile));
  }
  return parse_timm_config(text, shown(file)).pretrained_cfg;
}

}  // namespace

ProcessorChoice choose_processor(const Source& source, const std::string& which,
                                 const std::string& from) {
  const std::int64_t channels = source.config.num_channels;
  if (which == "convnext-base-224-22k-1k") {
    return given_processor({},
                           "image processor: facebook/convnext-base-224-22k-1k's, as asked for; it "
                           "may not be what the weights were trained with",
                           channels);
  }
  if (which == "source" || which == "source-test") {
    if (source.timm) {
      return processor_from_claims(source.timm->pretrained_cfg, channels, which == "source-test");
    }
    if (source.kind == SourceKind::kTransformersFolder) return folder_processor(source);
    return {std::nullopt,
            {"no image processor: a weights file alone does not say how its images are prepared"},
            "--image-processor gives one: a name of timm's, a file or a folder"};
  }
  std::error_code ignored;
  const auto named = fs::exists(which, ignored) ? std::nullopt : find_pretrained(which);
  if (named) {
    return timm_processor(
        timm_config_of(*named).pretrained_cfg,
        fmt::format("image processor: that of timm's {}, as asked for", full_name(*named)),
        channels);
  }
  const bool folder = fs::is_directory(which, ignored);
  const fs::path file = folder ? fs::path(which) / kProcessorFile : fs::path(which);
  if (folder && !fs::exists(file, ignored)) {
    return timm_processor(folder_claims(which),
                          fmt::format("image processor: that of {}, as asked for",
                                      printable(fs::path(which).filename().string())),
                          channels);
  }
  return given_processor(load_image_processor(file),
                         fmt::format("image processor: from {}, as asked for",
                                     from.empty() ? file.filename().string() : from),
                         channels);
}

}  // namespace weightlift
