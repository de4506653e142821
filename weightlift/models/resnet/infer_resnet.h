#pragma once

#include <string>

#include "weightlift/models/resnet/resnet_config.h"
#include "weightlift/state_dict.h"

namespace weightlift {

/// Reads a network's depths, widths, layer type, channels, classes and dtype from the names and
/// shapes of timm's tensors, without a table of known networks. `num_labels` is fc's rows, 0
/// without fc. Throws UnsupportedError, with the reason, for networks that ResNetConfig does not
/// support and whose tensors show it: deep stems, squeeze-and-excitation, grouped or wide
/// convolutions, average-pool shortcuts, group norm, pre-activation, other families. Throws
/// NotFoundError for a missing tensor, MismatchError for a wrong rank. `dtype` is the common dtype
/// of the weights. Cannot detect what leaves no trace in the tensors (activations, pooling,
/// strides). Does not check every shape: loading into make_timm_resnet() does.
ResNetConfig infer_resnet_config(const StateDict& tensors, const std::string& where);

}  // namespace weightlift
