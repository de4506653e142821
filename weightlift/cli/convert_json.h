#pragma once

#include <nlohmann/json_fwd.hpp>

#include "weightlift/cli/convert_flags.h"
#include "weightlift/cli/convert_job.h"

namespace weightlift {

/// The job's object of docs/json.md. `error`: why it ended early, nullptr where it did not.
nlohmann::ordered_json to_json(const ConvertJob& job, const ConvertFlags& flags,
                               const JobRecord& record, const Error* error);

/// The object of a source that was skipped.
nlohmann::ordered_json skipped_json(const ConvertJob& job, const ConvertFlags& flags);

}  // namespace weightlift
