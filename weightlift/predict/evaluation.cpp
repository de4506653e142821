#include "weightlift/predict/evaluation.h"

#include <algorithm>
#include <vector>

#include "weightlift/predict/scores.h"

namespace weightlift {

void add_scores(Evaluation& evaluation, std::int64_t shown_class, std::span<const float> scores) {
  constexpr std::size_t kBest = 5;
  const std::vector<std::int64_t> best = top_classes(scores, kBest);
  const bool first = best.front() == shown_class;
  const bool among = std::ranges::find(best, shown_class) != best.end();
  for (Evaluation::Counts* counts : {&evaluation.all, &evaluation.classes[shown_class]}) {
    counts->images += 1;
    counts->top1 += first ? 1 : 0;
    counts->top5 += among ? 1 : 0;
  }
}

}  // namespace weightlift
