#include "weightlift/models/resnet/resnet_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "weightlift/base/json.h"
#include "weightlift/base/message.h"
#include "weightlift/models/config_json.h"

namespace weightlift {

namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

constexpr auto kKeys = std::to_array<std::string_view>(
    {"num_channels", "embedding_size", "hidden_sizes", "depths", "layer_type", "hidden_act",
     "downsample_in_first_stage", "downsample_in_bottleneck"});

}  // namespace

std::string_view to_string(LayerType type) {
  return type == LayerType::kBasic ? "basic" : "bottleneck";
}

void require_sizes(const ResNetConfig& config) {
  const std::int64_t least = config.layer_type == LayerType::kBottleneck ? 4 : 1;
  const auto below = [](std::int64_t limit) {
    return [limit](std::int64_t size) { return size < limit; };
  };
  if (config.depths.empty() || config.depths.size() != config.hidden_sizes.size()) {
    throw UsageError("depths", fmt::format("expected one value per hidden size, got {} and {}",
                                           config.depths.size(), config.hidden_sizes.size()));
  }
  if (std::ranges::any_of(config.depths, below(1)) || config.num_channels < 1 ||
      std::ranges::any_of(config.hidden_sizes, below(least)) || config.embedding_size < 1 ||
      config.num_labels < 0) {
    throw UsageError("config", "expected positive sizes, and 4 channels or more in a bottleneck");
  }
}

std::string to_config_json(const ResNetConfig& config) {
  const std::size_t stages = config.depths.size();
  OrderedJson stage_names = OrderedJson::array({"stem"});
  for (std::size_t i = 1; i <= stages; ++i) stage_names.push_back(fmt::format("stage{}", i));
  OrderedJson json;
  json["depths"] = config.depths;
  json["downsample_in_bottleneck"] = config.downsample_in_bottleneck;
  json["downsample_in_first_stage"] = config.downsample_in_first_stage;
  json["embedding_size"] = config.embedding_size;
  json["hidden_act"] = to_string(config.hidden_act);
  json["hidden_sizes"] = config.hidden_sizes;
  json["layer_type"] = to_string(config.layer_type);
  json["out_features"] = OrderedJson::array({stage_names.back()});
  json["out_indices"] = OrderedJson::array({stages});
  json["stage_names"] = std::move(stage_names);
  return write_config(config, "resnet", kResNetClasses[config.head == Head::kClassifier ? 0 : 1],
                      std::move(json));
}

ResNetConfig parse_resnet_config(std::string_view text, const std::string& where) {
  const Json json = read_config_json(text, "resnet", where);
  refuse_nulls(json, kKeys, where);
  ResNetConfig config;
  static_cast<ModelConfig&>(config) = read_model_config(json, kResNetClasses, where);
  config.embedding_size = get_channels(json, "embedding_size", where, config.embedding_size);
  config.hidden_sizes = get_sizes(json, "hidden_sizes", where, kMaxChannels, config.hidden_sizes);
  config.depths = get_sizes(json, "depths", where, kMaxDepth, config.depths);
  if (config.depths.size() != config.hidden_sizes.size()) {
    throw FormatError(where, fmt::format("depths: expected {} values, as in hidden_sizes, got {}",
                                         config.hidden_sizes.size(), config.depths.size()));
  }
  const std::string layer_type = get_string(json, "layer_type", where, "bottleneck");
  if (layer_type != "basic" && layer_type != "bottleneck") {
    throw_wrong_json(where, "layer_type", "basic or bottleneck", Json(layer_type));
  }
  config.layer_type = layer_type == "basic" ? LayerType::kBasic : LayerType::kBottleneck;
  if (config.layer_type == LayerType::kBottleneck && std::ranges::min(config.hidden_sizes) < 4) {
    throw FormatError(
        where, fmt::format("hidden_sizes: expected at least 4 in a bottleneck network, got {}",
                           std::ranges::min(config.hidden_sizes)));
  }
  config.hidden_act = get_activation(json, where);
  config.downsample_in_first_stage = get_bool(json, "downsample_in_first_stage", where, false);
  config.downsample_in_bottleneck = get_bool(json, "downsample_in_bottleneck", where, false);
  return config;
}

}  // namespace weightlift
