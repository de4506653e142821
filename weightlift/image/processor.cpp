#include "weightlift/image/processor.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "weightlift/base/file.h"
#include "weightlift/base/json.h"
#include "weightlift/base/message.h"

namespace weightlift {

namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

constexpr ImageProcessor::CenterCrop kDefaultCrop = {224, 224};  // of BitImageProcessor
constexpr std::int64_t kLastFilter = 5;
/// timm's names for Pillow's filters, by their number.
constexpr std::array<std::string_view, kLastFilter + 1> kFilters = {
    "nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"};

OrderedJson to_json(const Number& number) {
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (number.integer && std::fabs(number.value) <= kExact) {
    return static_cast<std::int64_t>(number.value);
  }
  return number.value;
}

OrderedJson to_json(const std::vector<Number>& numbers) {
  OrderedJson list = OrderedJson::array();
  for (const Number& number : numbers) list.push_back(to_json(number));
  return list;
}

Number get_number(const Json& json, std::string_view key, const std::string& where,
                  Number fallback) {
  const Json* value = find_member(json, key);
  if (value == nullptr) return fallback;
  const Number number = to_number(*value, key, where);
  if (number.value <= 0) throw_wrong_json(where, key, "a positive number", *value);
  return number;
}

std::vector<Number> get_numbers(const Json& json, std::string_view key, const std::string& where,
                                std::vector<Number> fallback) {
  const Json* value = find_member(json, key);
  if (value == nullptr) return fallback;
  if (value->is_number()) return {to_number(*value, key, where)};
  constexpr std::size_t kMostChannels = 16;
  std::vector<Number> numbers;
  if (value->is_array() && value->size() <= kMostChannels) {
    for (const Json& item : *value) {
      if (item.is_number()) numbers.push_back(to_number(item, key, where));
    }
  }
  if (numbers.empty() || numbers.size() != value->size()) {
    throw_wrong_json(where, key, "a list of numbers, one per channel", *value);
  }
  return numbers;
}

std::int64_t require_side(std::int64_t pixels, std::string_view key, const std::string& where) {
  if (pixels < 1 || pixels > kMaxProcessorSide) {
    throw_wrong_json(where, key, fmt::format("1 to {} pixels", kMaxProcessorSide), Json(pixels));
  }
  return pixels;
}

bool names_class(const Json& json) {
  return json.contains("image_processor_type") || json.contains("feature_extractor_type");
}

/// Without a size, a file that names its class has the class's default. Other files must state it.
std::int64_t get_shortest_edge(const Json& json, const ImageProcessor& defaults,
                               const std::string& where) {
  const Json* size = find_member(json, "size");
  if (size == nullptr && names_class(json)) return defaults.shortest_edge;
  constexpr std::string_view kExpected = "a number or an object with shortest_edge";
  if (size == nullptr) throw_wrong_json(where, "size", kExpected, Json());
  if (!size->is_object()) return require_side(get_int(json, "size", where), "size", where);
  // ConvNextImageProcessor ignores longest_edge.
  const bool limited =
      defaults.type == ProcessorClass::kBit && find_member(*size, "longest_edge") != nullptr;
  if (limited) throw_wrong_json(where, "size", "shortest_edge without longest_edge", *size);
  if (find_member(*size, "shortest_edge") == nullptr) {
    throw_wrong_json(where, "size", kExpected, *size);
  }
  return require_side(get_int(*size, "shortest_edge", where), "shortest_edge", where);
}

ImageProcessor::CenterCrop get_crop_size(const Json& json, const std::string& where) {
  const Json* size = find_member(json, "crop_size");
  if (size != nullptr && size->is_object()) {
    if (!find_member(*size, "height") || !find_member(*size, "width")) {
      throw_wrong_json(where, "crop_size", "a number, or height and width", *size);
    }
    return {require_side(get_int(*size, "height", where), "height", where),
            require_side(get_int(*size, "width", where), "width", where)};
  }
  const std::int64_t side = require_side(get_int(json, "crop_size", where), "crop_size", where);
  return {side, side};
}

/// Python treats null as false. A missing flag is true.
bool get_flag(const Json& json, const char* key, const std::string& where) {
  const bool is_null = json.contains(key) && json.at(key).is_null();
  return !is_null && get_bool(json, key, where, true);
}

/// Refuses null for a setting that an enabled step needs, as transformers does. A missing one has
/// the class's default.
void require_stated(const Json& json, std::initializer_list<const char*> keys,
                    const std::string& where) {
  for (const char* key : keys) {
    if (json.contains(key) && json.at(key).is_null()) {
      throw_wrong_json(where, key, "a value for an enabled step", Json());
    }
  }
}

/// Refuses switches that change the pixels and that weightlift does not support.
void require_off(const Json& json, std::initializer_list<const char*> keys,
                 const std::string& where) {
  for (const char* key : keys) {
    if (get_bool(json, key, where, false)) throw_wrong_json(where, key, "false", Json(true));
  }
}

void require_all_stated(const ImageProcessor& processor, const Json& json,
                        const std::string& where) {
  if (processor.do_resize) require_stated(json, {"size", "resample"}, where);
  const bool convnext = processor.type == ProcessorClass::kConvNext;
  if (convnext && processor.do_resize && processor.shortest_edge < kFirstSquashedEdge) {
    require_stated(json, {"crop_pct"}, where);
  }
  if (processor.center_crop) require_stated(json, {"crop_size"}, where);
  if (processor.do_rescale) require_stated(json, {"rescale_factor"}, where);
  if (processor.do_normalize) require_stated(json, {"image_mean", "image_std"}, where);
}

ProcessorClass get_class(const Json& json, const std::string& where) {
  struct NamedClass {
    std::string_view name;
    ProcessorClass type;
  };
  constexpr auto kClasses = std::to_array<NamedClass>({
      {"ConvNextImageProcessor", ProcessorClass::kConvNext},
      {"ConvNextImageProcessorFast", ProcessorClass::kConvNext},
      {"ConvNextImageProcessorPil", ProcessorClass::kConvNext},
      {"ConvNextFeatureExtractor", ProcessorClass::kConvNext},
      {"BitImageProcessor", ProcessorClass::kBit},
      {"BitImageProcessorFast", ProcessorClass::kBit},
      {"BitImageProcessorPil", ProcessorClass::kBit},
  });
  const std::string name =
      get_string(json, "image_processor_type", where,
                 get_string(json, "feature_extractor_type", where, "ConvNextImageProcessor"));
  const auto* const found = std::ranges::find(kClasses, name, &NamedClass::name);
  if (found == kClasses.end()) {
    throw UnsupportedError(
        where, fmt::format("unsupported image processor '{}', expected a ConvNextImageProcessor or "
                           "BitImageProcessor",
                           printable(name)));
  }
  return found->type;
}

/// What a file leaves out, as in transformers 5.
ImageProcessor defaults_of(ProcessorClass type) {
  if (type == ProcessorClass::kConvNext) {
    const std::vector<Number> half(3, {0.5});
    return {.shortest_edge = 384, .image_mean = half, .image_std = half};
  }
  // OpenAI's CLIP
  return {.type = type,
          .image_mean = {{0.48145466}, {0.4578275}, {0.40821073}},
          .image_std = {{0.26862954}, {0.26130258}, {0.27577711}},
          .center_crop = kDefaultCrop};
}

/// ConvNextImageProcessor crops only where a file says so, BitImageProcessor unless it says no.
void read_center_crop(const Json& json, const std::string& where, ImageProcessor& processor) {
  const bool crops = processor.center_crop ? get_flag(json, "do_center_crop", where)
                                           : get_bool(json, "do_center_crop", where, false);
  const bool stated = find_member(json, "crop_size") != nullptr || !processor.center_crop;
  if (!crops) {
    processor.center_crop.reset();
  } else if (stated) {
    processor.center_crop = get_crop_size(json, where);
  }
}

}  // namespace

std::string_view to_string(ProcessorClass type) {
  return type == ProcessorClass::kBit ? "BitImageProcessor" : "ConvNextImageProcessor";
}

ImageProcessor::CenterCrop image_size(const ImageProcessor& processor) {
  return processor.center_crop.value_or(
      ImageProcessor::CenterCrop{processor.shortest_edge, processor.shortest_edge});
}

std::string to_preprocessor_json(const ImageProcessor& processor) {
  OrderedJson json;
  const bool bit = processor.type == ProcessorClass::kBit;
  if (!bit) json["crop_pct"] = to_json(processor.crop_pct);
  if (processor.center_crop || bit) {
    // The class always writes a size; without a crop it has no effect.
    const ImageProcessor::CenterCrop crop = processor.center_crop.value_or(kDefaultCrop);
    json["crop_size"]["height"] = crop.height;
    json["crop_size"]["width"] = crop.width;
    json["do_center_crop"] = processor.center_crop.has_value();
  }
  if (bit) json["do_convert_rgb"] = processor.do_convert_rgb;
  json["do_normalize"] = processor.do_normalize;
  json["do_rescale"] = processor.do_rescale;
  json["do_resize"] = processor.do_resize;
  json["image_mean"] = to_json(processor.image_mean);
  json["image_processor_type"] = to_string(processor.type);
  json["image_std"] = to_json(processor.image_std);
  json["resample"] = processor.resample;
  json["rescale_factor"] = to_json(processor.rescale_factor);
  json["size"]["shortest_edge"] = processor.shortest_edge;
  return dump_python_json(json) + "\n";
}

ImageProcessor parse_image_processor(std::string_view text, const std::string& where) {
  const Json json = parse_json(text, where);
  if (!json.is_object()) throw_wrong_json(where, "processor", "an object", json);
  ImageProcessor processor = defaults_of(get_class(json, where));
  processor.shortest_edge = get_shortest_edge(json, processor, where);
  if (processor.type == ProcessorClass::kBit) {
    require_off(json, {"do_pad", "default_to_square"}, where);
  } else {
    processor.crop_pct = get_number(json, "crop_pct", where, processor.crop_pct);
  }
  processor.resample = get_int(json, "resample", where, processor.resample);
  if (processor.resample > kLastFilter) {
    throw_wrong_json(where, "resample", "a Pillow filter number from 0 to 5",
                     Json(processor.resample));
  }
  processor.image_mean = get_numbers(json, "image_mean", where, processor.image_mean);
  processor.image_std = get_numbers(json, "image_std", where, processor.image_std);
  const bool divides = std::ranges::all_of(processor.image_std,
                                           [](const Number& number) { return number.value > 0; });
  if (!divides) throw_wrong_json(where, "image_std", "positive numbers", json["image_std"]);
  processor.do_resize = get_flag(json, "do_resize", where);
  processor.do_rescale = get_flag(json, "do_rescale", where);
  processor.do_normalize = get_flag(json, "do_normalize", where);
  processor.rescale_factor = get_number(json, "rescale_factor", where, processor.rescale_factor);
  read_center_crop(json, where, processor);
  processor.do_convert_rgb = get_flag(json, "do_convert_rgb", where);
  require_all_stated(processor, json, where);
  return processor;
}

std::string_view interpolation_of(std::int64_t resample) {
  if (resample < 0 || std::cmp_greater_equal(resample, kFilters.size())) {
    throw UsageError("resample", fmt::format("expected one of Pillow's filters, got {}", resample));
  }
  return kFilters.at(static_cast<std::size_t>(resample));
}

ImageProcessor load_image_processor(const std::filesystem::path& file) {
  constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
  return parse_image_processor(read_text_file(file, kMaxBytes), shown(file));
}

std::int64_t resample_of(std::string_view interpolation) {
  const auto* found = std::ranges::find(kFilters, interpolation);
  return found == kFilters.end() ? -1 : found - kFilters.begin();
}

}  // namespace weightlift
