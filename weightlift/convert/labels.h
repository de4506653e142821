#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "weightlift/conversion.h"
#include "weightlift/convert/source.h"
#include "weightlift/progress.h"

namespace weightlift {

struct Labels {
  std::vector<std::pair<std::int64_t, std::string>> id2label;  ///< empty: LABEL_i
  std::string from;  ///< where they come from, for card and log
  Notes reading;     ///< how the file was read, with first and last label; empty: no file
  Notes notes;
};

/// The labels of a conversion: those that `id2label` names (a file of text or JSON, see
/// docs/labels-and-image-processors.md), for FromSource the source's own, else ImageNet-1k's for a
/// 1000-class ImageNet-1k tag, else none. Throws MismatchError where the numbers of labels and
/// classes differ, FormatError for a file in an unknown form, NotFoundError or IoError where it
/// cannot read the file, and UsageError for an unknown Preset and for a Repository, which a job
/// fetches before.
Labels choose_labels(const Source& source, const LabelsFrom& id2label);

}  // namespace weightlift
