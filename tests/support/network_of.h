#pragma once

#include <memory>

#include "weightlift/models/families.h"
#include "weightlift/models/resnet/resnet_config.h"

namespace weightlift::testing {

/// The network of a ResNet's config.
inline std::shared_ptr<const Network> network_of(const ResNetConfig& config = {}) {
  return parse_transformers_config(to_config_json(config), "config.json").network;
}

}  // namespace weightlift::testing
