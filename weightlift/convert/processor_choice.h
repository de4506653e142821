#pragma once

#include <string>

#include "weightlift/convert/source.h"
#include "weightlift/export/model_folder.h"

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

/// The image processor of a conversion. `which`: "source", "source-test",
/// "convnext-base-224-22k-1k", a file, a name of timm's registry, or a transformers or timm folder.
/// `from`: name of the file in the card; empty: its own. Throws NotFoundError for a folder without
/// settings, and what load_image_processor and parse_timm_config throw.
ProcessorChoice choose_processor(const Source& source, const std::string& which,
                                 const std::string& from = "");

}  // namespace weightlift
