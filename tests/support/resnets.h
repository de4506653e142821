#pragma once

#include <stdexcept>
#include <string_view>

#include "weightlift/models/resnet/resnet_config.h"
#include "weightlift/models/resnet/resnet_tags.h"

namespace weightlift::testing {

/// The config of a plain timm architecture, such as "resnet50", with ImageNet's 1,000 classes.
inline ResNetConfig resnet_config(std::string_view name) {
  for (const ResNetArchitecture& architecture : resnet_architectures()) {
    if (architecture.name != name) continue;
    ResNetConfig config;
    config.depths.assign(architecture.depths.begin(), architecture.depths.end());
    config.num_labels = 1000;
    if (architecture.layer_type == "basic") {
      config.layer_type = LayerType::kBasic;
      config.hidden_sizes = {64, 128, 256, 512};
    }
    return config;
  }
  throw std::invalid_argument("no plain architecture with this name");
}

}  // namespace weightlift::testing
