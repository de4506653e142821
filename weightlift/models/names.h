#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/models/family.h"
#include "weightlift/state_dict.h"

namespace weightlift {

/// A network in a file: its dict, and the prefix of its tensors' names.
struct WeightsChoice {
  std::size_t dict = 0;                         ///< index into the file's dicts
  std::string prefix = {};                      ///< "module.encoder_q."
  const Family* family = nullptr;               ///< null: no known network, names are kept
  const Dialect* dialect = nullptr;             ///< one of the family's, or null
  std::vector<std::string_view> wrappers = {};  ///< who adds such prefixes, for the log
  bool projection = false;  ///< its fc is for contrastive training, not a classifier
  bool named = false;       ///< weights_key names this network exactly
};

/// A network in a file, found by the names of its tensors.
struct FoundNetwork {
  std::size_t dict;
  std::string prefix;
  const Family* family;
  const Dialect* dialect;
};

/// "timm's and torchvision's", or "unknown"
std::string_view naming_of(const WeightsChoice& choice);

/// All networks of the dicts, in their order.
std::vector<FoundNetwork> find_networks(const std::vector<NamedDict>& dicts);

/// The complete networks: with stem, statistics and more than one stage. A dict of masks, or of
/// updates for a few layers, has a network's names but is not a network.
std::vector<FoundNetwork> find_complete_networks(const std::vector<NamedDict>& dicts);

/// Finds the network: the dict that timm would take, else the dict with a network's names, and the
/// prefix of these names. `weights_key` overrides the choice: a dict's path, the prefix, or both,
/// joined by dots ("state_dict.module.encoder_k"); empty: no override. Throws MismatchError where
/// several networks fit, NotFoundError where the key or the tensors are missing; both list what the
/// file has. The family of a file without a known network is null.
WeightsChoice choose_weights(const std::vector<NamedDict>& dicts, std::string_view weights_key,
                             const std::string& where);

/// timm's name of a tensor with the choice's prefix, without wrappers' parts; "" for names that are
/// not of its naming. Names of an unknown network are kept.
std::string own_name(const WeightsChoice& choice, std::string_view name);

/// timm's name of a tensor in transformers' naming of a family; "" for other names.
std::string timm_name_of_transformers(const Family& family, std::string_view name);

/// Decides the family and the naming of the chosen network by its shapes: transformers' names of
/// RegNet X and of a ResNet with bottlenecks are equal. `tensors`: those of the chosen dict, with
/// their names in it. `stated`: the family of a config, which decides alone; null: none. A choice
/// that no family recognises stays as it is.
void recognise(const StateDict& tensors, const Family* stated, WeightsChoice& choice);

/// The choice as a weights key: "state_dict.module".
std::string spelled(const NamedDict& dict, const WeightsChoice& choice);

/// The tensors of a dict with a choice's prefix, and the others.
struct SplitWeights {
  StateDict network = {};                    ///< in timm's names
  std::vector<std::string> full_names = {};  ///< of `network`, as the dict has them
  StateDict others = {};                     ///< in the dict's names
};

/// Splits a dict by the names of its tensors. Throws MismatchError where two get the same name.
SplitWeights split_weights(const StateDict& all, const WeightsChoice& choice);

}  // namespace weightlift
