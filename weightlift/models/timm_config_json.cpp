#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "weightlift/base/error.h"
#include "weightlift/base/json.h"
#include "weightlift/models/timm_config.h"

namespace weightlift {

namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr std::size_t kStages = 4;
constexpr std::int64_t kStem = 64;
constexpr std::int64_t kExpansion = 4;  // of a bottleneck's channels
constexpr std::array<std::int64_t, kStages> kChannels = {64, 128, 256, 512};

OrderedJson json_of(const Number& number) {
  if (number.integer) return static_cast<std::int64_t>(number.value);
  return number.value;
}

OrderedJson json_of(const std::vector<Number>& numbers) {
  OrderedJson list = OrderedJson::array();
  for (const Number& number : numbers) list.push_back(json_of(number));
  return list;
}

void require_timms_shape(const ResNetConfig& config) {
  const auto require = [](bool same, std::string_view timms, std::string_view of_network) {
    if (same) return;
    throw UnsupportedError(
        fmt::format("timm's ResNet has {}, this network has {}", timms, of_network));
  };
  require(config.depths.size() == kStages, "4 stages", std::to_string(config.depths.size()));
  require(config.embedding_size == kStem, "64 channels in the stem (embedding_size)",
          std::to_string(config.embedding_size));
  require(config.hidden_act == Activation::kRelu, "hidden_act relu", to_string(config.hidden_act));
  require(!config.downsample_in_first_stage, "no stride in the first stage",
          "downsample_in_first_stage");
  require(!config.downsample_in_bottleneck, "strides on the 3x3 convolutions",
          "downsample_in_bottleneck");
}

/// The architecture with these blocks, else the one that takes them as an argument.
std::string_view architecture_of(const ResNetConfig& config) {
  for (const PlainArchitecture& plain : plain_architectures()) {
    if (plain.layer_type == to_string(config.layer_type) &&
        std::ranges::equal(plain.depths, config.depths)) {
      return plain.name;
    }
  }
  return config.layer_type == LayerType::kBasic ? "resnet18" : "resnet50";
}

/// Adds a value where it is stated.
void add(OrderedJson& json, const char* key, const std::string& value) {
  if (!value.empty()) json[key] = value;
}

void add(OrderedJson& json, const char* key, const std::vector<std::int64_t>& value) {
  if (!value.empty()) json[key] = value;
}

void add(OrderedJson& json, const char* key, const std::optional<Number>& value) {
  if (value) json[key] = json_of(*value);
}

void add(OrderedJson& json, const char* key, const std::vector<Number>& value) {
  if (!value.empty()) json[key] = json_of(value);
}

OrderedJson claims_json(const PretrainedClaims& claims, std::int64_t num_classes) {
  OrderedJson json = OrderedJson::object();
  add(json, "tag", claims.tag);
  json["custom_load"] = false;
  add(json, "input_size", claims.input_size);
  add(json, "test_input_size", claims.test_input_size);
  json["fixed_input_size"] = false;
  add(json, "interpolation", claims.interpolation);
  add(json, "crop_pct", claims.crop_pct);
  add(json, "test_crop_pct", claims.test_crop_pct);
  add(json, "crop_mode", claims.crop_mode);
  add(json, "mean", claims.mean);
  add(json, "std", claims.std);
  json["num_classes"] = num_classes;
  if (!claims.input_size.empty()) {
    constexpr std::int64_t kStride = 32;
    const auto pooled = [&](std::size_t i) {
      return (claims.input_size[i] + kStride - 1) / kStride;
    };
    json["pool_size"] = {pooled(1), pooled(2)};
  }
  json["first_conv"] = "conv1";
  json["classifier"] = "fc";
  add(json, "license", claims.license);
  add(json, "origin_url", claims.origin_url);
  if (claims.paper_ids.size() == 1) json["paper_ids"] = claims.paper_ids.front();
  if (claims.paper_ids.size() > 1) json["paper_ids"] = claims.paper_ids;
  return json;
}

}  // namespace

TimmConfig make_timm_config(const ResNetConfig& config, const std::optional<PretrainedCfg>& known) {
  require_timms_shape(config);
  TimmConfig made = known ? timm_config_of(*known) : TimmConfig{};
  if (!known) {
    made.architecture = architecture_of(config);
    const PlainArchitecture& plain = *find_architecture(made.architecture);
    if (!std::ranges::equal(plain.depths, config.depths)) made.layers = config.depths;
    std::vector<std::int64_t> channels = config.hidden_sizes;
    for (std::int64_t& width : channels) {
      if (config.layer_type == LayerType::kBottleneck) width /= kExpansion;
    }
    if (!std::ranges::equal(channels, kChannels)) made.channels = channels;
  }
  made.in_chans = config.num_channels;
  made.num_classes = config.head == Head::kClassifier ? config.num_labels : 0;
  made.labels.clear();
  if (!config.id2label.empty() && config.head == Head::kClassifier) {
    for (std::int64_t id = 0; id < config.num_labels; ++id) made.labels.push_back(config.label(id));
  }
  return made;
}

std::string to_timm_json(const TimmConfig& config, const ResNetConfig& network) {
  require_sizes(network);
  const std::int64_t classes = config.num_classes.value_or(network.num_labels);
  OrderedJson json;
  json["architecture"] = config.architecture;
  json["num_classes"] = classes;
  json["num_features"] = network.hidden_sizes.back();
  json["global_pool"] = "avg";
  if (!config.labels.empty()) json["label_names"] = config.labels;
  OrderedJson& args = json["model_args"] = OrderedJson::object();
  if (config.layers) args["layers"] = *config.layers;
  if (config.channels) args["channels"] = *config.channels;
  args["in_chans"] = network.num_channels;
  args["num_classes"] = classes;
  args["global_pool"] = "avg";
  json["pretrained_cfg"] = claims_json(config.pretrained_cfg, classes);
  return dump_python_json(json);
}

}  // namespace weightlift
