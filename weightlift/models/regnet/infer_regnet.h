#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "weightlift/models/regnet/regnet_config.h"
#include "weightlift/state_dict.h"

namespace weightlift {

/// Channels of a stage and of one group of its 3x3 convolutions.
struct RegNetStageWidths {
  std::int64_t channels;
  std::int64_t group_width;
};

/// The groups_width with which all stages get their groups, max(1, channels // groups_width);
/// nothing where no number does. Of several, the widest that no stage of more than one group
/// exceeds, which is timm's group_size and transformers' own value for all pretrained networks.
std::optional<std::int64_t> find_groups_width(std::span<const RegNetStageWidths> stages);

/// Reads a network's depths, widths, group width, layer type, channels, classes and dtype from the
/// names and shapes of timm's tensors, without a table of known networks. `num_labels` is head.fc's
/// rows, 0 without it. `downsample_in_first_stage` is false where the first block has no shortcut
/// and needs none; it leaves no trace where the stem's channels differ from the first stage's, and
/// is then true, as in timm. Throws UnsupportedError, with the reason, for networks that
/// transformers' RegNet does not have and whose tensors show it: pre-activation, average-pool or
/// missing shortcuts, other bottlenecks, squeeze-and-excitation of another size or in some blocks
/// only, group norm, a convolution after the last stage. Throws NotFoundError for a missing tensor,
/// MismatchError for a wrong rank. `dtype` is the common dtype of the weights. Cannot detect what
/// leaves no trace in the tensors (activations, pooling, output_stride, linear_out). Does not check
/// every shape: loading into make_timm_regnet() does.
RegNetConfig infer_regnet_config(const StateDict& tensors, const std::string& where);

}  // namespace weightlift
