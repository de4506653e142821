#pragma once

#include <cstdint>
#include <map>
#include <span>

namespace weightlift {

/// The top-1 and top-5 accuracy of a network, as counts.
struct Evaluation {
  struct Counts {
    std::int64_t images = 0;
    std::int64_t top1 = 0;  ///< its class has the highest score
    std::int64_t top5 = 0;  ///< its class is among the five highest
  };
  Counts all;
  std::map<std::int64_t, Counts> classes;  ///< by the true class of the images
};

/// Counts one image whose true class is `shown_class`.
void add_scores(Evaluation& evaluation, std::int64_t shown_class, std::span<const float> scores);

}  // namespace weightlift
