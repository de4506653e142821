#include "weightlift/convert/settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "weightlift/base/message.h"
#include "weightlift/convert/labels.h"
#include "weightlift/convert/processor_choice.h"

namespace weightlift {

namespace {

std::vector<double> values_of(const std::vector<Number>& numbers) {
  std::vector<double> values;
  for (const Number& number : numbers) values.push_back(number.value);
  return values;
}

std::string text_of(const ImageProcessor::CenterCrop& crop) {
  return fmt::format("{}x{}", crop.height, crop.width);
}

/// The settings by transformers' names, in the order of the file.
std::vector<std::pair<std::string, std::string>> settings_of(const ImageProcessor& processor) {
  const auto& crop = processor.center_crop;
  return {{"image_processor_type", std::string(to_string(processor.type))},
          {"shortest_edge", fmt::format("{}", processor.shortest_edge)},
          {"crop_pct", processor.type == ProcessorClass::kBit
                           ? "none"
                           : fmt::format("{}", processor.crop_pct.value)},
          {"resample", std::string(interpolation_of(processor.resample))},
          {"image_mean", fmt::format("{}", values_of(processor.image_mean))},
          {"image_std", fmt::format("{}", values_of(processor.image_std))},
          {"rescale_factor", fmt::format("{}", processor.rescale_factor.value)},
          {"do_resize", fmt::format("{}", processor.do_resize)},
          {"do_rescale", fmt::format("{}", processor.do_rescale)},
          {"do_normalize", fmt::format("{}", processor.do_normalize)},
          {"crop_size", crop ? text_of(*crop) : "none"}};
}

std::vector<std::string> processor_differences(const ImageProcessor& src,
                                               const ImageProcessor& dest) {
  std::vector<std::string> differences;
  const auto theirs = settings_of(dest);
  std::size_t i = 0;
  for (const auto& [name, value] : settings_of(src)) {
    const std::string& other = theirs[i++].second;
    if (value != other) differences.push_back(fmt::format("{} {} and {}", name, value, other));
  }
  return differences;
}

std::optional<std::vector<std::string>> compare_processors(const Source& src, const Source& dest) {
  try {
    const auto expected = choose_processor(src, FromSource()).processor;
    if (!expected) return {};
    const auto found = choose_processor(dest, FromSource()).processor;
    if (!found) return std::vector<std::string>{"the folder has none"};
    return processor_differences(*expected, *found);
  } catch (const Error& error) {
    return std::vector<std::string>{error.what()};
  }
}

/// The config with its labels; empty where the classes have no names.
std::optional<ModelConfig> labelled(const Source& source) {
  ModelConfig config = source.config;
  config.id2label = choose_labels(source, FromSource()).id2label;
  if (config.id2label.empty()) return {};
  return config;
}

std::optional<LabelDifference> compare_labels(const Source& src, const Source& dest) {
  const std::optional<ModelConfig> expected = labelled(src);
  if (!expected || src.config.num_labels != dest.config.num_labels) return {};
  const ModelConfig found = labelled(dest).value_or(dest.config);
  LabelDifference result{.classes = expected->num_labels, .src = {}, .dest = {}};
  for (std::int64_t id = 0; id < result.classes; ++id) {
    if (expected->label(id) == found.label(id)) continue;
    if (result.different++ > 0) continue;
    result.first = id;
    result.src = expected->label(id);
    result.dest = found.label(id);
  }
  return result;
}

}  // namespace

SettingsComparison compare_settings(const Source& src, const Source& dest) {
  return {compare_labels(src, dest), compare_processors(src, dest)};
}

}  // namespace weightlift
