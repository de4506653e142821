#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "weightlift/cli/json_output.h"
#include "weightlift/jobs.h"

namespace weightlift {

/// Prints the differences for people: weights first, counters last.
void print_diff(const CheckpointDiff& diff);

/// The object of docs/json.md. `subject.source` is A.
nlohmann::ordered_json diff_json(const Subject& subject, const std::string& b,
                                 const DiffResult& result);

}  // namespace weightlift
