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

/// What two folders say beside their weights, where the first says anything.
struct SettingsComparison {
  std::optional<LabelDifference> labels;
  /// Of the image processor: "crop_pct 0.95 and 0.875"; empty: the same.
  std::optional<std::vector<std::string>> processor;
};

/// Holds labels and image processor that convert() would take of `src` against those of `dest`. A
/// difference may be what its maker wanted. A processor that cannot be read is a difference.
SettingsComparison compare_settings(const Source& src, const Source& dest);

}  // namespace weightlift
