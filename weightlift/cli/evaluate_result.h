#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "weightlift/cli/json_output.h"
#include "weightlift/models/model_config.h"
#include "weightlift/predict/class_match.h"
#include "weightlift/predict/evaluation.h"
#include "weightlift/predict/labelled_images.h"

namespace weightlift {

/// The accuracy, and the number of images that could not be read.
struct EvaluationOutcome {
  Evaluation evaluation;
  std::int64_t errors = 0;
  int code = 0;  ///< exit code
};

/// "72.31 %", "-" where there are no images.
std::string percents(std::int64_t part, std::int64_t whole);

/// Warns about skipped folders and entries, and about classes by sorted order. `where`: the images.
void warn_about(const LabelledImages& labelled, const ClassMatch& match, const ModelConfig& config,
                const std::string& where);

/// Prints a table of the classes for people.
void print_outcome(const EvaluationOutcome& outcome, const ModelConfig& config);

/// The object of docs/json.md.
nlohmann::ordered_json outcome_json(const Subject& subject, const EvaluationOutcome& outcome,
                                    std::size_t skipped, MatchedBy matched_by,
                                    const ModelConfig& config);

}  // namespace weightlift
