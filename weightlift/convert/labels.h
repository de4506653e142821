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
  std::string reading;  ///< how a file was read, with its first and last label; empty: none was
  std::vector<std::string> notes;
};

/// The labels of a conversion: `id2label` ("imagenet-1k", or a file of text or JSON, see
/// docs/formats.md) where given, else the source's own, else ImageNet-1k's for a
/// 1000-class ImageNet-1k tag, else none. Throws MismatchError where their number is not that of
/// the classes, and FormatError for a file in no known form. `from`: what a file is called in the
/// card and the log; empty: "a file" and its path.
Labels choose_labels(const Source& source, const std::string& id2label,
                     const std::string& from = "");

}  // namespace weightlift
