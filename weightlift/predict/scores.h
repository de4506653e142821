#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "weightlift/models/model_config.h"
#include "weightlift/predict.h"

namespace weightlift {

/// Returns what transformers' pipeline computes from the logits of one image: softmax where one of
/// several labels is the answer, sigmoid for a single label or a multi-label problem, the logits
/// themselves for a regression. Throws UnsupportedError where a logit is not finite.
std::vector<float> to_scores(std::span<const float> logits, ProblemType problem_type);

/// Returns the classes of the `k` highest scores, or of all where there are fewer, the highest
/// score first. Of equal scores, the lower class comes first.
std::vector<std::int64_t> top_classes(std::span<const float> scores, std::size_t k);

/// As top_classes, with labels and scores.
std::vector<Prediction> top_predictions(std::span<const float> scores, std::size_t k,
                                        const ModelConfig& config);

}  // namespace weightlift
