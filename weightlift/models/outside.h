#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/models/names.h"
#include "weightlift/tensor/state_dict.h"

namespace weightlift {

/// What a tensor outside the chosen network is.
enum class OutsideKind : std::uint8_t {
  kOtherNetwork,  ///< part of another complete network, or belongs to one
  kTraining,      ///< only training reads it: a loss, a queue, a metric, optimizer state
  kUnknown,       ///< it may run before, inside or after the network
};

/// "other network", "training only", "unknown"
std::string_view to_string(OutsideKind kind);

/// What allows weightlift to ignore an unknown tensor.
enum class Consent : std::uint8_t { kNone, kPattern, kWeightsKey };

/// A tensor of a checkpoint that the chosen network does not have.
struct OutsideTensor {
  std::size_t dict = 0;          ///< index into the checkpoint's dicts
  std::string name;              ///< in its dict
  std::string full_name;         ///< `name`, after the path of its dict where that is another dict
  std::optional<Tensor> tensor;  ///< for its dtype and shape; empty where it is unreadable
  bool in_list = false;          ///< stands for all tensors in lists under the key `name`
  OutsideKind kind = OutsideKind::kUnknown;
  std::string reason = {};           ///< kOtherNetwork: which; kTraining: what it is
  Consent consent = Consent::kNone;  ///< of kUnknown
};

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
