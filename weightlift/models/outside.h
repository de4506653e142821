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

/// What a tensor outside of the chosen network is.
enum class OutsideKind : std::uint8_t {
  kOtherNetwork,  ///< a complete network of its own, or what belongs to one
  kTraining,      ///< read by training only: a loss, a queue, a metric, optimizer state
  kUnknown,       ///< it may run before, inside or after the network
};

/// "other network", "training only", "unknown"
std::string_view to_string(OutsideKind kind);

/// Who allows that an unknown tensor is ignored.
enum class Consent : std::uint8_t { kNone, kPattern, kWeightsKey };

/// A tensor of a checkpoint that the chosen network does not have.
struct OutsideTensor {
  std::size_t dict = 0;          ///< of the checkpoint's dicts
  std::string name;              ///< in its dict
  std::string full_name;         ///< what users call it: `name`, in other dicts after their path
  std::optional<Tensor> tensor;  ///< its dtype and shape count; nothing where it cannot be read
  bool in_list = false;          ///< not one tensor: those in lists below the key that is its name
  OutsideKind kind = OutsideKind::kUnknown;
  std::string reason = {};           ///< kOtherNetwork: which; kTraining: what it is
  Consent consent = Consent::kNone;  ///< of kUnknown
};

/// "classifier.weight [5, 1000]"
std::string describe(const OutsideTensor& tensor);

/// Sets `kind` and `reason` of each. Names and dtypes decide, widths never do; an average has the
/// shape of what it averages. `chosen`: the tensors of the chosen dict, by their names in it.
void classify(std::vector<OutsideTensor>& outside, const std::vector<NamedDict>& dicts,
              const WeightsChoice& choice, const StateDict& chosen);

/// "encoder_k (161 tensors)", of each network beside the chosen one.
std::vector<std::string> summarize_networks(const std::vector<OutsideTensor>& outside);

/// "other network: encoder_k (161 tensors)", "training only: queue (queue)", "unknown: aux.weight":
/// a line for each kind that there is, in this order, of at most a dozen names each.
std::vector<std::string> summarize(const std::vector<OutsideTensor>& outside);

}  // namespace weightlift
