#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "weightlift/models.h"

namespace weightlift {

/// The pretrained models whose names match: a name, an old name, or a glob. `family`: only those
/// of that model_type; empty: all. Throws UnsupportedError or NotFoundError where there is none.
std::vector<PretrainedCfg> select_models(const std::string& glob, const std::string& family);

/// The object of `models`.
nlohmann::ordered_json to_json(const PretrainedCfg& cfg);

}  // namespace weightlift
