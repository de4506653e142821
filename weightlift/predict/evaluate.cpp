#include "weightlift/predict/evaluate.h"

namespace weightlift {

EvaluationOutcome evaluate(
    const Classifier& classifier, const LabelledImages& labelled, const ClassMatch& match,
    const ClassifyOptions& options,
    const std::function<void(const ImageJudgement&, const EvaluationOutcome&)>& done) {
  const ModelConfig& config = classifier.config();
  EvaluationOutcome outcome;
  classifier.classify(labelled.images, options, [&](std::size_t i, const Classified& result) {
    const std::int64_t shown_class = match.classes[labelled.label_of[i]];
    ImageJudgement image{labelled.images[i].file, shown_class, config.label(shown_class)};
    image.error = result.error;
    if (result.error) {
      ++outcome.errors;
      outcome.evaluation.classes.try_emplace(shown_class);  // its row shows that nothing counts
    } else {
      image.judgement = judge(result.scores, shown_class);
      image.predicted_label = config.label(image.judgement->predicted);
      add(outcome.evaluation, shown_class, *image.judgement);
    }
    done(image, outcome);
  });
  return outcome;
}

}  // namespace weightlift
