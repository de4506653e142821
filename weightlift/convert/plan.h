#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "weightlift/base/temp_folder.h"
#include "weightlift/convert/convert.h"
#include "weightlift/convert/images.h"
#include "weightlift/convert/labels.h"
#include "weightlift/progress.h"

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

/// All decisions before the first write.
struct Plan {
  Source source;
  std::unique_ptr<Module> src, dest;
  Shape input;
  ModelFolder content;
  Labels labels;
  Notes processor_notes;
  std::string name;
  std::vector<PreparedImage> images;
  std::string sha256_hex;  ///< of the weights, where the plan needed it; else empty

  const ModelConfig& config() const { return content.config; }
  Model model() const { return {content.network, content.config}; }
};

/// Opens the source and makes all decisions, without writing. Has no networks (`src` is null) where
/// the source already is the requested folder. Throws what convert_local() throws for sources and
/// requests.
Plan make_plan(const ConversionRequest& request, const LocalSource& from);

/// Whether to replace or refuse an existing folder of that path.
TempFolder::Existing existing(const ConversionRequest& request,
                              const std::filesystem::path& folder);

}  // namespace weightlift
