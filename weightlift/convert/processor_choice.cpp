#include "weightlift/convert/processor_choice.h"

#include <fmt/format.h>

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
            {"no image processor: a weights file alone says nothing of its pictures"}};
  }
  return given_processor(load_image_processor(which),
                         fmt::format("image processor: from {}, as asked for",
                                     from.empty() ? fs::path(which).filename().string() : from),
                         channels);
}

}  // namespace weightlift
