#pragma once

#include <cstdint>
#include <map>
#include <span>

namespace weightlift {

/// How often a network is right.
struct Evaluation {
  struct Counts {
    std::int64_t pictures = 0;
    std::int64_t top1 = 0;  ///< its class has the highest score
    std::int64_t top5 = 0;  ///< its class is among the five highest
  };
  Counts all;
  std::map<std::int64_t, Counts> classes;  ///< by the class that the pictures show
};

/// Counts one picture that shows a class of the network.
void add_scores(Evaluation& evaluation, std::int64_t shown_class, std::span<const float> scores);

}  // namespace weightlift
