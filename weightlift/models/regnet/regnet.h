#pragma once

#include <memory>

#include "weightlift/models/regnet/regnet_config.h"
#include "weightlift/nn/module.h"

namespace weightlift {

// Three trees of one network. Input (N, num_channels, H, W); outputs: logits (N, num_labels), for
// num_labels 0 the pooled features (N, C); with Head::kNone the last feature map (N, C, h, w) and
// its mean (N, C, 1, 1). hidden_act follows every normalization but a block's last one, and every
// sum; squeeze-and-excitation always has ReLU. All throw UsageError as require_sizes.

/// timm's RegNet as a module tree with timm's names (stem.conv, s1.b1.conv2.bn, head.fc). Source:
/// timm.models.regnet.RegNet, which has four stages, always a stride in the first one, and with
/// layer type y no other activation than ReLU; with those, transformers' network by timm's names
/// (make_timm_config refuses them).
std::unique_ptr<Module> make_timm_regnet(const RegNetConfig& config, Head head = Head::kClassifier);

/// transformers' RegNetForImageClassification (or RegNetModel, with Head::kNone and no `regnet.`
/// prefix), with everything that RegNetConfig supports. A block registers its shortcut before its
/// layers and runs it after them. Source: transformers.models.regnet.modeling_regnet.
std::unique_ptr<Module> make_hf_regnet(const RegNetConfig& config, Head head = Head::kClassifier);

/// torchvision's RegNet as a module tree with torchvision's names (stem.0,
/// trunk_output.block1.block1-0.f.a.0, fc). Source: torchvision.models.regnet.RegNet, which has 3
/// input channels.
std::unique_ptr<Module> make_torchvision_regnet(const RegNetConfig& config,
                                                Head head = Head::kClassifier);

}  // namespace weightlift
