#pragma once

#include <memory>
#include <string>
#include <vector>

#include "weightlift/base/temp_folder.h"
#include "weightlift/convert/convert.h"
#include "weightlift/convert/labels.h"

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

/// All that is decided before the first byte is written.
struct Plan {
  Source source;
  std::unique_ptr<Module> src, dest;
  Shape input;
  ModelFolder content;
  Labels labels;
  std::vector<std::string> processor_notes;
  std::string processor_advice;  ///< for the log, after the last of these notes
  std::string name;
  std::vector<PreparedPicture> pictures;
  std::string sha256_hex;  ///< of the weights, where it had to be known beforehand

  const ResNetConfig& config() const { return content.config; }
};

/// Opens the source and decides; nothing is written. Without networks (`src` null) where the source
/// is what is asked for. Throws what convert() throws for sources and requests.
Plan make_plan(const ConversionRequest& request);

/// Whose form a source has.
Form form_of(const Source& source);

/// What a folder of the new one's name means.
TempFolder::Existing existing(const ConversionRequest& request);

}  // namespace weightlift
