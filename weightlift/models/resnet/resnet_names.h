#pragma once

#include <span>
#include <string_view>

#include "weightlift/models/family.h"

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

std::span<const Dialect> resnet_dialects();

/// Whether a tensor in timm's names belongs to the network below its head.
bool is_resnet_backbone(std::string_view name);

}  // namespace weightlift
