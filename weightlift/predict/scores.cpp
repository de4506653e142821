#include "weightlift/predict/scores.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "weightlift/base/message.h"

namespace weightlift {

namespace {

void require_finite(std::span<const float> logits) {
  const auto odd = std::ranges::find_if_not(logits, [](float x) { return std::isfinite(x); });
  if (odd == logits.end()) return;
  throw UnsupportedError(
      "logits",
      fmt::format("expected finite numbers, got {} for class {}", *odd, odd - logits.begin()),
      advice("check the weights and the image processor"));
}

/// Subtracts the maximum, so that no exponential overflows.
std::vector<float> softmax(std::span<const float> logits) {
  if (logits.empty()) return {};
  const float most = std::ranges::max(logits);
  std::vector<float> scores;
  double sum = 0;
  for (const float logit : logits) {
    scores.push_back(std::exp(logit - most));
    sum += static_cast<double>(scores.back());
  }
  for (float& score : scores) score /= static_cast<float>(sum);
  return scores;
}

}  // namespace

std::vector<float> to_scores(std::span<const float> logits, ProblemType problem_type) {
  require_finite(logits);
  std::vector<float> scores(logits.begin(), logits.end());
  if (problem_type == ProblemType::kRegression) return scores;
  const bool sigmoid = problem_type == ProblemType::kMultiLabel || logits.size() == 1;
  if (!sigmoid) return softmax(logits);
  for (float& score : scores) score = 1.0F / (1.0F + std::exp(-score));
  return scores;
}

std::vector<std::int64_t> top_classes(std::span<const float> scores, std::size_t k) {
  std::vector<std::int64_t> classes(scores.size());
  std::iota(classes.begin(), classes.end(), 0);
  const std::size_t count = std::min(k, classes.size());
  std::ranges::partial_sort(classes, classes.begin() + static_cast<std::ptrdiff_t>(count),
                            [&](std::int64_t a, std::int64_t b) {
                              const float of_a = scores[static_cast<std::size_t>(a)];
                              const float of_b = scores[static_cast<std::size_t>(b)];
                              if (std::isnan(of_a) != std::isnan(of_b)) return std::isnan(of_b);
                              return of_a > of_b || (!(of_b > of_a) && a < b);
                            });
  classes.resize(count);
  return classes;
}

std::vector<Prediction> top_predictions(std::span<const float> scores, std::size_t k,
                                        const ModelConfig& config) {
  std::vector<Prediction> predictions;
  for (const std::int64_t id : top_classes(scores, k)) {
    predictions.push_back({id, config.label(id), scores[static_cast<std::size_t>(id)]});
  }
  return predictions;
}

}  // namespace weightlift
