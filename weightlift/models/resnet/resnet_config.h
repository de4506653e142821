#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/models/model_config.h"
#include "weightlift/nn/graph.h"

namespace weightlift {

/// transformers' classes: first the one with a classifier.
inline constexpr auto kResNetClasses = std::to_array<std::string_view>(
    {"ResNetForImageClassification", "ResNetModel", "ResNetBackbone"});

enum class LayerType : std::uint8_t { kBasic, kBottleneck };

/// "basic" or "bottleneck", as config.json's `layer_type`.
std::string_view to_string(LayerType type);

/// transformers' ResNetConfig: the shape of a network and its labels. The defaults are those
/// of that class.
struct ResNetConfig : ModelConfig {
  std::int64_t embedding_size = 64;
  std::vector<std::int64_t> hidden_sizes = {256, 512, 1024, 2048};
  std::vector<std::int64_t> depths = {3, 4, 6, 3};
  LayerType layer_type = LayerType::kBottleneck;
  Activation hidden_act = Activation::kRelu;
  bool downsample_in_first_stage = false;
  bool downsample_in_bottleneck = false;
};

/// Throws UsageError unless a network can have these sizes: as many depths as hidden_sizes, none of
/// them 0, at least 4 channels in a bottleneck.
void require_sizes(const ResNetConfig& config);

/// The config.json that transformers 5.23.0's save_pretrained writes for this network, byte for
/// byte.
std::string to_config_json(const ResNetConfig& config);

/// Reads transformers' config.json of a ResNet, of any version since 4.18. Throws FormatError for
/// missing or wrong values and impossible sizes, UnsupportedError for another model_type or an
/// unsupported hidden_act.
ResNetConfig parse_resnet_config(std::string_view text, const std::string& where);

}  // namespace weightlift
