#pragma once

#include <array>
#include <span>
#include <string_view>

#include "weightlift/models/registry.h"

namespace weightlift {

/// A timm architecture that ResNetConfig supports.
struct ResNetArchitecture {
  std::string_view name;        ///< "resnet50"
  std::string_view layer_type;  ///< "basic" or "bottleneck"
  std::array<int, 4> depths;    ///< blocks per stage
};

/// Every pretrained name of timm's plain ResNets, in the order of timm.list_pretrained.
std::span<const PretrainedCfg> resnet_tags();

/// The plain ResNets, by size: six with pretrained weights, and resnet200, for which timm has none.
std::span<const ResNetArchitecture> resnet_architectures();

}  // namespace weightlift
