#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "weightlift/jobs.h"
#include "weightlift/report/json_object.h"

namespace weightlift {

/// The labels of all classes; none where the config has none.
std::vector<std::string> labels_of(const ModelConfig& config);

/// The object of `inspect`.
nlohmann::ordered_json inspection_json(const Subject& subject, const Inspection& found);

}  // namespace weightlift
