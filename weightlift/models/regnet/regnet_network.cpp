#include "weightlift/models/regnet/regnet_network.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "weightlift/base/json.h"
#include "weightlift/base/message.h"
#include "weightlift/error.h"
#include "weightlift/models/regnet/infer_regnet.h"
#include "weightlift/models/regnet/regnet.h"
#include "weightlift/models/regnet/regnet_family.h"
#include "weightlift/models/regnet/regnet_tags.h"
#include "weightlift/models/regnet/regnet_timm.h"

namespace weightlift {

namespace {

/// torchvision's class takes any blocks and a stem's width. Its file states nothing else: its
/// reader takes ReLU and a stride in the first stage.
void require_torchvisions_regnet(const RegNetConfig& config) {
  const auto require = [](bool same, std::string_view torchvisions, std::string_view of_network,
                          const Hints& hints = {}) {
    if (same) return;
    throw UnsupportedError(
        "",
        fmt::format("torchvision's RegNet has {}, this network has {}", torchvisions, of_network),
        hints);
  };
  require(config.num_channels == 3, "3 input channels", std::to_string(config.num_channels),
          {{HintCode::kTargetTimm, {}}});
  require(config.hidden_act == Activation::kRelu, "ReLU, and its file states no other activation",
          to_string(config.hidden_act));
  require(config.downsample_in_first_stage, "a stride in the first stage", "none there");
}

/// torchvision's function that makes this network, "" where there is none.
std::string_view torchvision_function(const RegNetConfig& config) {
  if (config.embedding_size != RegNetConfig().embedding_size) return "";
  for (const RegNetArchitecture& one : regnet_architectures()) {
    const bool same = one.layer_type == to_string(config.layer_type) &&
                      std::ranges::equal(one.depths, config.depths) &&
                      std::ranges::equal(one.hidden_sizes, config.hidden_sizes) &&
                      one.groups_width == config.groups_width;
    if (same && !one.torchvision.empty()) return one.torchvision;
  }
  return "";
}

/// Python code of torchvision's class with explicit blocks.
std::string torchvision_blocks(const RegNetConfig& config, std::int64_t num_classes) {
  std::vector<std::int64_t> group_widths;
  std::vector<std::int64_t> strides;
  for (std::size_t i = 0; i < config.depths.size(); ++i) {
    const std::int64_t width = config.hidden_sizes[i];
    group_widths.push_back(width / regnet_groups(config, width));
    strides.push_back(regnet_stride(config, i));
  }
  const std::vector<std::string_view> multipliers(config.depths.size(), "1.0");
  return fmt::format(
      "from torchvision.models.regnet import BlockParams, RegNet\n\n"
      "blocks = BlockParams(\n"
      "    depths=[{}],\n"
      "    widths=[{}],\n"
      "    group_widths=[{}],\n"
      "    bottleneck_multipliers=[{}],\n"
      "    strides=[{}],\n"
      "    se_ratio={},\n"
      ")\n"
      "model = RegNet(blocks, num_classes={}, stem_width={})\n",
      fmt::join(config.depths, ", "), fmt::join(config.hidden_sizes, ", "),
      fmt::join(group_widths, ", "), fmt::join(multipliers, ", "), fmt::join(strides, ", "),
      config.layer_type == RegNetType::kY ? "0.25" : "None", num_classes, config.embedding_size);
}

}  // namespace

const Family& RegNet::family() const { return regnet_family(); }

std::unique_ptr<Module> RegNet::make(Form tree, const ModelConfig& config) const {
  const RegNetConfig full = with(config);
  if (tree == Form::kTransformers) return make_hf_regnet(full, config.head);
  if (tree == Form::kTimm) return make_timm_regnet(full, config.head);
  require_torchvisions_regnet(full);
  return make_torchvision_regnet(full, config.head);
}

std::string RegNet::transformers_config(const ModelConfig& config) const {
  return to_config_json(with(config));
}

TimmConfig RegNet::timm_config() const {
  RegNetConfig sizes = config_;
  sizes.groups_width = group_width();
  return regnet_timm_config(sizes);
}

std::string RegNet::torchvision_code(const ModelConfig& config) const {
  const RegNetConfig full = with(config);
  require_torchvisions_regnet(full);
  const std::string_view function = torchvision_function(full);
  if (function.empty()) return torchvision_blocks(full, config.num_labels);
  return fmt::format("from torchvision.models import {0}\n\nmodel = {0}(num_classes={1})\n",
                     function, config.num_labels);
}

std::string RegNet::describe() const {
  return fmt::format("{} blocks [{}], channels [{}], group width {}",
                     config_.layer_type == RegNetType::kX ? "X" : "Y",
                     fmt::join(config_.depths, ", "), fmt::join(config_.hidden_sizes, ", "),
                     group_width());
}

std::string RegNet::sizes_json() const {
  return dump_json_line({{"layer_type", to_string(config_.layer_type)},
                         {"depths", config_.depths},
                         {"hidden_sizes", config_.hidden_sizes},
                         {"embedding_size", config_.embedding_size},
                         {"groups_width", group_width()}});
}

RegNetConfig RegNet::with(const ModelConfig& config) const {
  RegNetConfig full = config_;
  static_cast<ModelConfig&>(full) = config;
  return full;
}

/// Several groups_width may make the same network. Tensors do not show which one a config states,
/// so the comparison is on the one that they do show.
std::int64_t RegNet::group_width() const {
  std::vector<RegNetStageWidths> stages;
  for (const std::int64_t width : config_.hidden_sizes) {
    stages.push_back({width, width / regnet_groups(config_, width)});
  }
  return find_groups_width(stages).value_or(config_.groups_width);
}

}  // namespace weightlift
