#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "weightlift/comparison.h"
#include "weightlift/convert/source.h"

namespace weightlift {

/// Compares the labels and the image processor that convert() would use for `src` with those of
/// `dest`. An unreadable processor is a difference.
SettingsComparison compare_settings(const Source& src, const Source& dest);

}  // namespace weightlift
