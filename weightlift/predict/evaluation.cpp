#include "weightlift/predict/evaluation.h"

#include <fmt/format.h>

#include <cstddef>

#include "weightlift/base/message.h"

namespace weightlift {

Judgement judge(std::span<const float> scores, std::int64_t shown_class) {
  if (shown_class < 0 || shown_class >= static_cast<std::int64_t>(scores.size())) {
    throw UsageError("scores", fmt::format("expected one per class, among them class {}, got {}",
                                           shown_class, scores.size()));
  }
  const auto shown = static_cast<std::size_t>(shown_class);
  std::size_t best = 0;
  Judgement judgement;
  judgement.shown_score = scores[shown];
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (scores[i] > scores[best]) best = i;
    const bool before = scores[i] > scores[shown] || (scores[i] == scores[shown] && i < shown);
    judgement.shown_rank += before ? 1 : 0;
  }
  judgement.predicted = static_cast<std::int64_t>(best);
  judgement.predicted_score = scores[best];
  return judgement;
}

void add(Evaluation& evaluation, std::int64_t shown_class, const Judgement& judgement) {
  constexpr std::int64_t kBest = 5;
  for (Evaluation::Counts* counts : {&evaluation.all, &evaluation.classes[shown_class]}) {
    counts->images += 1;
    counts->top1 += judgement.shown_rank == 1 ? 1 : 0;
    counts->top5 += judgement.shown_rank <= kBest ? 1 : 0;
  }
  evaluation.confusion[{shown_class, judgement.predicted}] += 1;
}

}  // namespace weightlift
