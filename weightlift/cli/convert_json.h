#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "weightlift/cli/convert_flags.h"
#include "weightlift/job/conversions.h"

namespace weightlift {

/// The object of docs/json.md for a SOURCE. `error`: why it failed, nullptr where it did not.
nlohmann::ordered_json to_json(const std::string& source, const ConvertFlags& flags,
                               const ConversionRecord& record, const Error* error);

}  // namespace weightlift
