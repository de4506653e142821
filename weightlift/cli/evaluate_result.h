#pragma once

#include <cstdint>
#include <string>

#include "weightlift/models/model_config.h"
#include "weightlift/predict/class_match.h"
#include "weightlift/predict/evaluate.h"
#include "weightlift/predict/labelled_images.h"

namespace weightlift {

/// "72.31 %", "-" where there are no images.
std::string percents(std::int64_t part, std::int64_t whole);

/// Warns about skipped folders and entries, and about classes by sorted order. `where`: the images.
void warn_about(const LabelledImages& labelled, const ClassMatch& match, const ModelConfig& config,
                const std::string& where);

/// Prints a table of the classes for people.
void print_outcome(const EvaluationOutcome& outcome, const ModelConfig& config);

}  // namespace weightlift
