#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "weightlift/models/names.h"
#include "weightlift/models/outside.h"

namespace weightlift {

/// A module outside of the backbone that may be the classifier: one Linear layer on the pooled
/// features.
struct LinearHead {
  std::string module;               ///< full name: "head.fc"
  std::size_t weight;               ///< index into the tensors outside: (classes, features)
  std::optional<std::size_t> bias;  ///< index: (classes); empty where the layer has no bias
  std::string doubt;                ///< why it may not be a classifier; "" for no doubt
};

/// Every module with a weight of [C, features], and at most a bias of [C] as its other tensor.
std::vector<LinearHead> find_linear_heads(const std::vector<OutsideTensor>& outside,
                                          const WeightsChoice& choice, std::int64_t features);

}  // namespace weightlift
