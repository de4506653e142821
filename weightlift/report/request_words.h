#pragma once

#include <string>

#include "weightlift/conversion.h"

namespace weightlift {

/// The option id2label: empty, imagenet-1k, a file, or hf://datasets/OWNER/NAME/FILE. Throws
/// NotFoundError for a missing file.
LabelsFrom parse_labels_from(const std::string& text);

/// The option image_processor: source, source-test, convnext-base-224-22k-1k, a file or folder,
/// a timm name, hf://OWNER/NAME/FILE or a repository. Throws NotFoundError where it is none of
/// these.
ProcessorFrom parse_processor_from(const std::string& text);

}  // namespace weightlift
