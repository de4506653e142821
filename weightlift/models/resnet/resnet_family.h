#pragma once

#include "weightlift/models/family.h"

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

/// timm's plain ResNets: basic or bottleneck blocks, with transformers' ResNet.
const Family& resnet_family();

}  // namespace weightlift
