#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <utility>

namespace weightlift {

/// What a network says about one image whose class is known.
struct Judgement {
  std::int64_t predicted = 0;   ///< the class with the highest score
  float predicted_score = 0;    ///< its score
  float shown_score = 0;        ///< the score of the true class
  std::int64_t shown_rank = 1;  ///< of the true class: 1 where it is the predicted one
};

/// Compares scores with the true class. Of equal scores, the lower class has the better rank.
/// Throws UsageError where the class has no score.
Judgement judge(std::span<const float> scores, std::int64_t shown_class);

/// The top-1 and top-5 accuracy of a network, as counts.
struct Evaluation {
  struct Counts {
    std::int64_t images = 0;
    std::int64_t top1 = 0;  ///< its class has the highest score
    std::int64_t top5 = 0;  ///< its class is among the five highest
  };
  Counts all;
  std::map<std::int64_t, Counts> classes;  ///< by the true class of the images
  /// Images by (true class, predicted class), without the pairs of no image: there are as many as
  /// images at most, where a matrix of 21,841 classes has 477 million places.
  std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> confusion;
};

/// Counts one image whose true class is `shown_class`.
void add(Evaluation& evaluation, std::int64_t shown_class, const Judgement& judgement);

}  // namespace weightlift
