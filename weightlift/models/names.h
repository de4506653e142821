#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/tensor/state_dict.h"

namespace weightlift {

/// How a checkpoint spells the names of a ResNet's tensors.
enum class Naming : std::uint8_t {
  kUnknown,       ///< not a ResNet: names are kept
  kTimm,          ///< conv1, layer1.0.conv1, fc: timm and torchvision
  kChildren,      ///< 0, 4.0.conv1: torchvision's ResNet as nn.Sequential(*model.children())
  kTransformers,  ///< resnet.encoder.stages.0.layers.0.layer.0.convolution, classifier.1
};

/// "timm's and torchvision's", ...
std::string_view to_string(Naming naming);

/// A network in a file: its dict, and the prefix of its tensors' names.
struct WeightsChoice {
  std::size_t dict = 0;     ///< index into the file's dicts
  std::string prefix = {};  ///< "module.encoder_q."
  Naming naming = Naming::kUnknown;
  std::vector<std::string_view> wrappers = {};  ///< who adds such prefixes, for the log
  bool projection = false;  ///< its fc is for contrastive training, not a classifier
  bool named = false;       ///< weights_key names this network exactly
};

/// A network in a file, found by the names of its tensors.
struct FoundNetwork {
  std::size_t dict;
  std::string prefix;
  Naming naming;
};

/// All ResNets of the dicts, in their order.
std::vector<FoundNetwork> find_networks(const std::vector<NamedDict>& dicts);

/// The complete networks: with stem, statistics and more than one stage. A dict of masks, or of
/// updates for a few layers, has a network's names but is not a network.
std::vector<FoundNetwork> find_complete_networks(const std::vector<NamedDict>& dicts);

/// Finds the network: the dict that timm would take, else the dict with a ResNet's names, and the
/// prefix of these names. `weights_key` overrides the choice: a dict's path, the prefix, or both,
/// joined by dots ("state_dict.module.encoder_k"); empty: no override. Throws MismatchError where
/// several networks fit, NotFoundError where the key or the tensors are missing; both list what the
/// file has. The naming of a file without a ResNet is kUnknown.
WeightsChoice choose_weights(const std::vector<NamedDict>& dicts, std::string_view weights_key,
                             const std::string& where);

/// Whether a tensor in timm's names belongs to the network below its head.
bool is_of_backbone(std::string_view name);

/// Whether a transformers ResNet with any number of blocks can have a tensor of this name.
bool is_of_transformers(std::string_view name);

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
