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
  kUnknown,       ///< no ResNet's: left as they are
  kTimm,          ///< conv1, layer1.0.conv1, fc: timm's, which are torchvision's
  kChildren,      ///< 0, 4.0.conv1: torchvision's ResNet as nn.Sequential(*model.children())
  kTransformers,  ///< resnet.encoder.stages.0.layers.0.layer.0.convolution, classifier.1
};

/// "timm's and torchvision's"
std::string_view to_string(Naming naming);

/// Where in a file a network's tensors are, and what stands before their names.
struct WeightsChoice {
  std::size_t dict = 0;     ///< of the dicts that were to choose from
  std::string prefix = {};  ///< "module.encoder_q."
  Naming naming = Naming::kUnknown;
  std::vector<std::string_view> wrappers = {};  ///< who puts such prefixes there, for the log
  bool projection = false;  ///< its fc served contrastive training and is no classifier
  bool named = false;       ///< weights_key names this network exactly
};

/// A network in a file, found by the names of its tensors.
struct FoundNetwork {
  std::size_t dict;
  std::string prefix;
  Naming naming;
};

/// Every ResNet of the dicts, in their order.
std::vector<FoundNetwork> find_networks(const std::vector<NamedDict>& dicts);

/// Those that are complete: with stem, statistics and more than one stage. A dict of masks, or of
/// a few layers' updates, has a network's names and is none.
std::vector<FoundNetwork> find_complete_networks(const std::vector<NamedDict>& dicts);

/// Finds the network: the dict that timm would take, else the one that has a ResNet's names, and in
/// it the prefix behind which these names stand. `weights_key` decides by hand: a dict's path, the
/// prefix, or both, joined by dots ("state_dict.module.encoder_k"); empty for none. Throws
/// MismatchError "where: ..." naming what there is to choose from, where several networks or none
/// fit; a file that holds no ResNet at all is kUnknown instead.
WeightsChoice choose_weights(const std::vector<NamedDict>& dicts, std::string_view weights_key,
                             const std::string& where);

/// Whether a tensor in timm's names belongs to the network below its head.
bool is_of_backbone(std::string_view name);

/// Whether transformers' ResNets have tensors of such a name, with any number of blocks.
bool is_of_transformers(std::string_view name);

/// The choice as --weights-key would name it.
std::string spelled(const NamedDict& dict, const WeightsChoice& choice);

/// The tensors of a dict that stand behind a choice's prefix, and the others.
struct SplitWeights {
  StateDict network = {};                    ///< in timm's names
  std::vector<std::string> full_names = {};  ///< of `network`, as the dict has them
  StateDict others = {};                     ///< in the dict's names
};

/// Splits a dict by the names of its tensors. Throws MismatchError where two of them get one name.
SplitWeights split_weights(const StateDict& all, const WeightsChoice& choice);

}  // namespace weightlift
