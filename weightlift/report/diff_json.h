#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "weightlift/jobs.h"
#include "weightlift/report/json_object.h"

namespace weightlift {

/// The object of `diff`. `subject.source` is A.
nlohmann::ordered_json diff_json(const Subject& subject, const std::string& b,
                                 const DiffResult& result);

}  // namespace weightlift
