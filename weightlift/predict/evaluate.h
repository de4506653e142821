#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "weightlift/predict.h"
#include "weightlift/predict/class_match.h"
#include "weightlift/predict/evaluation.h"
#include "weightlift/predict/labelled_images.h"

namespace weightlift {

/// The result of one image, compared with its class.
struct ImageJudgement {
  std::filesystem::path file;
  std::int64_t id = 0;  ///< of its true class
  std::string label = {};
  std::optional<Judgement> judgement = {};  ///< none where the image could not be read
  std::string predicted_label = {};
  std::optional<Error> error = {};
};

/// The accuracy, and the number of images that could not be read.
struct EvaluationOutcome {
  Evaluation evaluation;
  std::int64_t errors = 0;
};

/// Classifies the images, and compares each with its class: match.classes of its label. Calls
/// `done` after each image, in order, on this thread, with all that is counted so far. Throws as
/// Classifier::classify().
EvaluationOutcome evaluate(
    const Classifier& classifier, const LabelledImages& labelled, const ClassMatch& match,
    const ClassifyOptions& options,
    const std::function<void(const ImageJudgement&, const EvaluationOutcome&)>& done);

}  // namespace weightlift
