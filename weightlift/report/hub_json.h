#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "weightlift/jobs.h"
#include "weightlift/report/json_object.h"

namespace weightlift {

/// `published` of docs/json.md.
nlohmann::ordered_json to_json(const Publication& publication);

/// The object of `push`. `revision`: the requested one.
nlohmann::ordered_json push_json(const Subject& subject, const std::string& revision,
                                 const PushResult& result, const Notes& notes);

/// The object of `pull`.
nlohmann::ordered_json pull_json(const Subject& subject, const PullResult& result,
                                 const Notes& notes);

}  // namespace weightlift
