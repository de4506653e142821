#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "weightlift/convert/source.h"

namespace weightlift {

/// How the labels of two folders differ.
struct LabelDifference {
  std::int64_t classes = 0;
  std::int64_t different = 0;
  std::int64_t first = -1;  ///< the lowest class whose labels differ, -1 for none
  std::string src, dest;    ///< its labels
};

/// How the settings of two folders differ. Empty where the first has no such setting.
struct SettingsComparison {
  std::optional<LabelDifference> labels;
  /// Differences of the image processors: "crop_pct 0.95 and 0.875"; an empty list: equal.
  std::optional<std::vector<std::string>> processor;
};

/// Compares the labels and the image processor that convert() would use for `src` with those of
/// `dest`. An unreadable processor is a difference.
SettingsComparison compare_settings(const Source& src, const Source& dest);

}  // namespace weightlift
