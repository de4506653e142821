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
inline constexpr auto kRegNetClasses =
    std::to_array<std::string_view>({"RegNetForImageClassification", "RegNetModel"});

enum class RegNetType : std::uint8_t {
  kX,  ///< three convolutions
  kY,  ///< the same with squeeze-and-excitation before the last one
};

/// "x" or "y", as config.json's `layer_type`.
std::string_view to_string(RegNetType type);

/// transformers' RegNetConfig: the shape of a network and its labels. The defaults are those of
/// that class.
struct RegNetConfig : ModelConfig {
  std::int64_t embedding_size = 32;
  std::vector<std::int64_t> hidden_sizes = {128, 192, 512, 1088};
  std::vector<std::int64_t> depths = {2, 6, 12, 2};
  std::int64_t groups_width = 64;
  RegNetType layer_type = RegNetType::kY;
  Activation hidden_act = Activation::kRelu;
  bool downsample_in_first_stage = true;
};

/// Groups of the 3x3 convolutions of a stage with `width` channels: max(1, width // groups_width).
std::int64_t regnet_groups(const RegNetConfig& config, std::int64_t width);

/// Channels inside the squeeze-and-excitation of a block with `in` input channels: a quarter,
/// rounded as Python's round(), half to even.
std::int64_t regnet_squeezed_channels(std::int64_t in);

/// The stride of a stage's first block; the other blocks have 1.
std::int64_t regnet_stride(const RegNetConfig& config, std::size_t stage);

/// Throws UsageError unless a network can have these sizes: as many depths as hidden_sizes, none of
/// them 0, hidden_sizes that their groups divide, and with layer type y at least 3 input channels
/// in each block.
void require_sizes(const RegNetConfig& config);

/// The config.json that transformers 5.23.0's save_pretrained writes for this network, byte for
/// byte.
std::string to_config_json(const RegNetConfig& config);

/// Reads transformers' config.json of a RegNet, of any version since 4.18. Throws FormatError for
/// missing or wrong values and impossible sizes, UnsupportedError for another model_type or an
/// unsupported hidden_act.
RegNetConfig parse_regnet_config(std::string_view text, const std::string& where);

}  // namespace weightlift
