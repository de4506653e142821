#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>

#include "weightlift/models.h"
#include "weightlift/predict/class_match.h"
#include "weightlift/predict/evaluate.h"
#include "weightlift/report/json_object.h"

namespace weightlift {

/// A line of per_image.schema.json.
nlohmann::ordered_json per_image_json(const ImageJudgement& row);

/// The object of `evaluate`, without its notes.
nlohmann::ordered_json outcome_json(const Subject& subject, const EvaluationOutcome& outcome,
                                    std::size_t skipped, MatchedBy matched_by,
                                    const ModelConfig& config);

}  // namespace weightlift
