#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "weightlift/predict.h"
#include "weightlift/report/json_object.h"

namespace weightlift {

/// The object of `classify` for an image. `predictions`: the best first; those of an image that
/// failed do not count. `notes`: of the image.
nlohmann::ordered_json image_json(const Subject& subject, const std::string& image,
                                  const Classified& result,
                                  const std::vector<Prediction>& predictions, const Notes& notes);

}  // namespace weightlift
