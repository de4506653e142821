#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/models.h"
#include "weightlift/models/names.h"
#include "weightlift/state_dict.h"

namespace weightlift {

/// "classifier.weight [5, 1000]"
std::string describe(const OutsideTensor& tensor);

/// Sets `kind` and `reason` of each tensor, by names and dtypes, never by widths. Only averages
/// also need the shape of the tensor that they average. `chosen`: the tensors of the chosen dict,
/// by their names in it.
void classify(std::vector<OutsideTensor>& outside, const std::vector<NamedDict>& dicts,
              const WeightsChoice& choice, const StateDict& chosen);

/// "encoder_k (161 tensors)" for each network except the chosen one.
std::vector<std::string> summarize_networks(const std::vector<OutsideTensor>& outside);

/// The ignored tensors of one kind: "encoder_k (161 tensors)", "queue (queue)", "aux.weight".
struct IgnoredSummary {
  OutsideKind kind = OutsideKind::kUnknown;
  std::string names;  ///< at most a dozen, then the number of the others
};

/// One summary for each kind with tensors, in the order of OutsideKind.
std::vector<IgnoredSummary> summarize(const std::vector<OutsideTensor>& outside);

}  // namespace weightlift
