#pragma once

#include <memory>

#include "weightlift/models/resnet/resnet_config.h"
#include "weightlift/nn/module.h"

namespace weightlift {

/// timm's ResNet as a module tree with timm's names (conv1, layer1.0.bn2, fc): a plain stem, basic
/// or bottleneck blocks with the stride on the 3x3 convolution, projection shortcuts, average
/// pooling. Input (N, num_channels, H, W); outputs: logits (N, num_labels), for num_labels 0 the
/// pooled features (N, C); with Head::kNone the last feature map (N, C, h, w) and its mean (N, C,
/// 1, 1). Source: timm.models.resnet.ResNet, which has no downsampling first stage, no strides on
/// the 1x1 convolutions and no other activation at these places only: with those, transformers'
/// network by timm's names (make_timm_config refuses them). Throws UsageError as require_sizes.
std::unique_ptr<Module> make_timm_resnet(const ResNetConfig& config, Head head = Head::kClassifier);

/// transformers' ResNetForImageClassification (or ResNetModel, with Head::kNone and no `resnet.`
/// prefix), with everything that ResNetConfig supports. Only the stem and the end of a block use
/// hidden_act; the inner convolutions always use ReLU. Inputs and outputs as above. A block
/// registers its shortcut before its layers and runs it after them. Throws UsageError as
/// require_sizes. Source:
/// transformers.models.resnet.modeling_resnet.
std::unique_ptr<Module> make_hf_resnet(const ResNetConfig& config, Head head = Head::kClassifier);

}  // namespace weightlift
