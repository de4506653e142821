#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>

#include "weightlift/report/json_object.h"

namespace weightlift {

/// One line on standard output.
void print_json(const nlohmann::ordered_json& json);

/// Runs a command's work. Reports a failure, also Interrupted, as a message, with `json` also as an
/// object, and returns its exit code.
int run_reporting(const Subject& subject, bool json, const std::function<int()>& work);

}  // namespace weightlift
