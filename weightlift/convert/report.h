#pragma once

#include <nlohmann/json_fwd.hpp>

#include "weightlift/convert/convert.h"

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

/// Adds what a conversion found and wrote, as docs/json.md describes it. A member that was not
/// computed is absent.
void add_to(nlohmann::ordered_json& json, const Conversion& result);

/// Adds what comparing a folder with its source found.
void add_to(nlohmann::ordered_json& json, const FolderVerification& verification);

/// Each operation with the tensors that moved: [{op, src, dest, tensors}].
nlohmann::ordered_json operations_json(const TransferReport& transfer);

}  // namespace weightlift
