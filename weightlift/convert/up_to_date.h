#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "weightlift/convert/convert.h"
#include "weightlift/convert/folder_record.h"

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

/// What ConversionRequest::if_changed compares.
struct ConversionInputs {
  SourceFiles files;
  FolderRecord record;  ///< without sizes and licenses; `contents` only where the caller hashed
};

/// Read before the conversion: what changes meanwhile is a change for the next run. Nothing where
/// neither the request compares nor `folder` has a record to keep, or where a file cannot be read:
/// make_plan reports that better.
std::optional<ConversionInputs> read_inputs(const ConversionRequest& request,
                                            const LocalSource& source,
                                            const std::filesystem::path& folder);

/// The result where `folder` is up to date. Else nothing, and `again` gets a note where the folder
/// has a record.
std::optional<Conversion> find_unchanged(const std::filesystem::path& folder, Form form,
                                         const ConversionInputs& inputs, Notes& again);

/// Completes the record, and writes it into the new folder. `digests`: sha256 of the converted
/// weights.
void keep_record(const std::filesystem::path& folder, ConversionInputs inputs,
                 const std::map<std::filesystem::path, std::string>& digests,
                 const Conversion& result);

}  // namespace weightlift
