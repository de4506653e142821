#pragma once

#include <nlohmann/json_fwd.hpp>

#include "weightlift/cli/json_output.h"
#include "weightlift/jobs.h"

namespace weightlift {

/// Prints what a checkpoint contains for people.
void print_inspection(const Inspection& found);

/// The object of docs/json.md.
nlohmann::ordered_json inspection_json(const Subject& subject, const Inspection& found);

}  // namespace weightlift
