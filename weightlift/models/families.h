#pragma once

#include <span>
#include <string>
#include <string_view>

#include "weightlift/models/family.h"

namespace weightlift {

/// All families.
std::span<const Family* const> families();

/// The family of transformers' `model_type`, null where there is none.
const Family* find_family(std::string_view model_type);

/// The family of a timm architecture, without a tag; null where weightlift does not support it.
const Family* family_of(std::string_view architecture);

/// transformers' class of a family: "ResNetForImageClassification", "ResNetModel".
std::string_view transformers_class(const Family& family, Head head);

/// The names that transformers' convert_resnet_to_pytorch.py converts where none is given.
std::span<const std::string_view> default_names();

/// Reads transformers' config.json of any family and version. Throws FormatError where it is not
/// one, for missing or wrong values and impossible sizes, UnsupportedError for another model_type
/// or an unsupported activation.
Model parse_transformers_config(std::string_view text, const std::string& where);

/// Compares what a transformers config states with what the tensors show, and takes from it what
/// they do not show: strides, activation, labels and problem_type. Throws MismatchError where they
/// differ; the number of classes counts where both have a classifier.
void take_statements(const Model& stated, Model& shown, const std::string& where);

}  // namespace weightlift
