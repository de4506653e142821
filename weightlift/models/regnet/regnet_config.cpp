#include "weightlift/models/regnet/regnet_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <utility>

#include "weightlift/base/json.h"
#include "weightlift/base/message.h"
#include "weightlift/models/config_json.h"

namespace weightlift {

namespace {

constexpr auto kRegNetKeys = std::to_array<std::string_view>(
    {"num_channels", "embedding_size", "hidden_sizes", "depths", "groups_width", "layer_type",
     "hidden_act", "downsample_in_first_stage"});

/// A key with an impossible value, and why.
struct RegNetFault {
  const char* key;
  std::string what;
};

/// Blocks that make no convolution: groups that do not divide the channels, nothing to squeeze.
std::optional<RegNetFault> find_impossible_block(const RegNetConfig& config) {
  std::int64_t in = config.embedding_size;
  for (std::size_t i = 0; i < config.depths.size(); ++i) {
    const std::int64_t width = config.hidden_sizes[i];
    const std::int64_t groups = regnet_groups(config, width);
    if (width % groups != 0) {
      return RegNetFault{"hidden_sizes",
                         fmt::format("{} channels are not divisible into the {} groups of "
                                     "groups_width {}",
                                     width, groups, config.groups_width)};
    }
    const std::int64_t least = config.depths[i] > 1 ? std::min(in, width) : in;
    if (config.layer_type == RegNetType::kY && regnet_squeezed_channels(least) == 0) {
      return RegNetFault{i == 0 && least == in ? "embedding_size" : "hidden_sizes",
                         fmt::format("expected at least 3 channels before squeeze-and-excitation, "
                                     "got {}",
                                     least)};
    }
    in = width;
  }
  return std::nullopt;
}

std::optional<RegNetFault> find_fault(const RegNetConfig& config) {
  const auto not_positive = [](std::int64_t size) { return size < 1; };
  if (config.depths.empty() || config.depths.size() != config.hidden_sizes.size()) {
    return RegNetFault{"depths", fmt::format("expected {} values, as in hidden_sizes, got {}",
                                             config.hidden_sizes.size(), config.depths.size())};
  }
  if (std::ranges::any_of(config.depths, not_positive) ||
      std::ranges::any_of(config.hidden_sizes, not_positive) || config.embedding_size < 1 ||
      config.groups_width < 1 || config.num_channels < 1 || config.num_labels < 0) {
    return RegNetFault{"config", "expected positive sizes"};
  }
  const bool too_deep =
      std::ranges::any_of(config.depths, [](std::int64_t depth) { return depth > kMaxDepth; }) ||
      std::accumulate(config.depths.begin(), config.depths.end(), std::int64_t{0}) > kMaxDepth;
  if (too_deep || config.depths.size() > kMaxStages) {
    return RegNetFault{"depths", fmt::format("expected at most {} blocks in at most {} stages",
                                             kMaxDepth, kMaxStages)};
  }
  return find_impossible_block(config);
}

}  // namespace

std::string_view to_string(RegNetType type) { return type == RegNetType::kX ? "x" : "y"; }

std::int64_t regnet_groups(const RegNetConfig& config, std::int64_t width) {
  return std::max<std::int64_t>(1, width / config.groups_width);
}

std::int64_t regnet_squeezed_channels(std::int64_t in) {
  const std::int64_t quarter = in / 4;
  const std::int64_t rest = in % 4;
  const bool up = rest == 3 || (rest == 2 && quarter % 2 == 1);
  return up ? quarter + 1 : quarter;
}

std::int64_t regnet_stride(const RegNetConfig& config, std::size_t stage) {
  return stage > 0 || config.downsample_in_first_stage ? 2 : 1;
}

void require_sizes(const RegNetConfig& config) {
  if (const auto fault = find_fault(config)) throw UsageError(fault->key, fault->what);
}

std::string to_config_json(const RegNetConfig& config) {
  nlohmann::ordered_json json;
  json["depths"] = config.depths;
  json["downsample_in_first_stage"] = config.downsample_in_first_stage;
  json["embedding_size"] = config.embedding_size;
  json["groups_width"] = config.groups_width;
  json["hidden_act"] = to_string(config.hidden_act);
  json["hidden_sizes"] = config.hidden_sizes;
  json["layer_type"] = to_string(config.layer_type);
  return write_config(config, "regnet", kRegNetClasses[config.head == Head::kClassifier ? 0 : 1],
                      std::move(json));
}

RegNetConfig parse_regnet_config(std::string_view text, const std::string& where) {
  const nlohmann::json json = read_config_json(text, "regnet", where);
  refuse_nulls(json, kRegNetKeys, where);
  RegNetConfig config;
  static_cast<ModelConfig&>(config) = read_model_config(json, kRegNetClasses, where);
  config.embedding_size = get_channels(json, "embedding_size", where, config.embedding_size);
  config.hidden_sizes = get_sizes(json, "hidden_sizes", where, kMaxChannels, config.hidden_sizes);
  config.depths = get_sizes(json, "depths", where, kMaxDepth, config.depths);
  config.groups_width = get_channels(json, "groups_width", where, config.groups_width);
  const std::string layer_type = get_string(json, "layer_type", where, "y");
  if (layer_type != "x" && layer_type != "y") {
    throw_wrong_json(where, "layer_type", "x or y", nlohmann::json(layer_type));
  }
  config.layer_type = layer_type == "x" ? RegNetType::kX : RegNetType::kY;
  config.hidden_act = get_activation(json, where);
  config.downsample_in_first_stage = get_bool(json, "downsample_in_first_stage", where, true);
  if (const auto fault = find_fault(config)) {
    throw FormatError(where, fmt::format("{}: {}", fault->key, fault->what));
  }
  return config;
}

}  // namespace weightlift
