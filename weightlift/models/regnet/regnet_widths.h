#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

/// The arguments of timm's RegNet that its widths follow from: timm's RegNetCfg.
struct RegNetRule {
  std::int64_t depth;           ///< blocks of all stages
  std::int64_t w0;              ///< channels of the first block, before rounding
  double wa;                    ///< more channels per block
  double wm;                    ///< ratio of two stages' channels
  std::int64_t group_size;      ///< channels of a group
  bool as_torchvision = false;  ///< group_min_ratio is not 0: rounds as torchvision does
};

/// An architecture of timm with its rule. Source: timm.models.regnet.model_cfgs.
struct RegNetRuleOf {
  std::string_view architecture;
  RegNetRule rule;
};

/// The rules of the supported architectures.
std::span<const RegNetRuleOf> regnet_rules();

/// What a rule gives, per stage.
struct RegNetWidths {
  std::vector<std::int64_t> depths, hidden_sizes, group_sizes;
};

/// timm's generate_regnet and adjust_widths_groups_comp. The caller checks the rule: a depth and
/// channels that a network can have, wa >= 0, wm > 1.
RegNetWidths regnet_widths(const RegNetRule& rule);

}  // namespace weightlift
