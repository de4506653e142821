#pragma once

#include "weightlift/models/family.h"

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

/// timm's RegNets X and Y, with transformers' RegNet.
const Family& regnet_family();

}  // namespace weightlift
