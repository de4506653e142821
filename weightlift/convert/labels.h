#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "weightlift/convert/source.h"

namespace weightlift {

struct Labels {
  std::vector<std::pair<std::int64_t, std::string>> id2label;  ///< empty: LABEL_i
  std::string from;                                            ///< one phrase for card and log
  std::vector<std::string> notes;
};

/// The labels of a conversion: `id2label` ("imagenet-1k", or a file: a JSON object of ids, a JSON
/// array, or one label a line) where given, else the source's own, else ImageNet-1k's for a
/// 1000-class ImageNet-1k tag, else none. Throws MismatchError where their number is not that of
/// the classes. `from`: what a file is called in the card; empty: "a file".
Labels choose_labels(const Source& source, const std::string& id2label,
                     const std::string& from = "");

}  // namespace weightlift
