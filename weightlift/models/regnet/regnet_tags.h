#pragma once

#include <array>
#include <span>
#include <string_view>

#include "weightlift/models/registry.h"

namespace weightlift {

/// A timm architecture that RegNetConfig supports.
struct RegNetArchitecture {
  std::string_view name;            ///< "regnety_040"
  std::string_view layer_type;      ///< "x" or "y"
  std::array<int, 4> depths;        ///< blocks per stage
  std::array<int, 4> hidden_sizes;  ///< channels per stage
  int groups_width;                 ///< channels per group; a narrower stage has one group
  std::string_view torchvision;     ///< the equal network "regnet_x_8gf", empty where there is none
};

/// Every pretrained name of timm's RegNets X and Y, in the order of timm.list_pretrained.
std::span<const PretrainedCfg> regnet_tags();

/// timm's RegNets X and Y, X before Y and each by size.
std::span<const RegNetArchitecture> regnet_architectures();

}  // namespace weightlift
