#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "weightlift/comparison.h"
#include "weightlift/job/conversions.h"
#include "weightlift/report/convert_options.h"
#include "weightlift/report/json_object.h"

namespace weightlift {

/// Why a source failed; null where it did not. A difference found by the verification is a result
/// of the library, and a failure for people and in JSON.
std::shared_ptr<const Error> failure_of(const ConversionRecord& record);

/// The object of `convert` for a source. `error`: failure_of(record).
nlohmann::ordered_json to_json(const std::string& source, const ConvertOptions& options,
                               const ConversionRecord& record, const Error* error);

/// The object of `verify`. `subject.source` is the source.
nlohmann::ordered_json verification_json(const Subject& subject, const std::string& folder,
                                         const FolderVerification& verification,
                                         const Notes& notes);

}  // namespace weightlift
