#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "weightlift/models/resnet_config.h"

namespace weightlift {

/// What transformers' pipeline makes of the logits of one picture: softmax where one label of
/// several is the answer, sigmoid for a single label or several at once, of a regression the logits
/// themselves. Throws MismatchError where a logit is no finite number.
std::vector<float> to_scores(std::span<const float> logits, ProblemType problem_type);

/// The classes of the `k` highest scores, or of all where there are fewer, the highest first; of
/// equal ones the lower class first.
std::vector<std::int64_t> top_classes(std::span<const float> scores, std::size_t k);

struct Prediction {
  std::int64_t id = 0;
  std::string label;
  float score = 0;
};

/// The same with their labels.
std::vector<Prediction> top_predictions(std::span<const float> scores, std::size_t k,
                                        const ResNetConfig& config);

}  // namespace weightlift
