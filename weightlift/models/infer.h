#pragma once

#include <string>
#include <vector>

#include "weightlift/models/resnet_config.h"
#include "weightlift/tensor/state_dict.h"

namespace weightlift {

/// The dtype that weights of several floating dtypes get: their own where they have one, else F32.
/// It holds F16 and BF16 exactly. F64 among others is rounded, as torch does where it loads such
/// weights into a network. F32 for none.
DType common_dtype(const std::vector<DType>& dtypes);

/// Reads a network's depths, widths, layer type, channels, classes and dtype from the names and
/// shapes of timm's tensors, without a table of known networks. `num_labels` is fc's rows, 0
/// without fc. Throws UnsupportedError, with the reason, for networks that ResNetConfig does not
/// support and whose tensors show it: deep stems, squeeze-and-excitation, grouped or wide
/// convolutions, average-pool shortcuts, group norm, pre-activation, other families. Throws
/// NotFoundError for a missing tensor, MismatchError for a wrong rank. `dtype` is the common dtype
/// of the weights. Cannot detect what leaves no trace in the tensors (activations, pooling,
/// strides). Does not check every shape: loading into make_timm_resnet() does.
ResNetConfig infer_resnet_config(const StateDict& tensors, const std::string& where);

/// Throws MismatchError where a transformers config states another shape of the network than its
/// tensors show. The number of classes counts where both have a classifier.
void require_agreement(const ResNetConfig& stated, const ResNetConfig& shown,
                       const std::string& where);

/// Takes from a config what tensors do not show: strides, activation, labels and problem_type.
void take_statements(const ResNetConfig& stated, ResNetConfig& config);

}  // namespace weightlift
