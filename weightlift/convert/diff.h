#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "weightlift/checkpoint/checkpoint.h"
#include "weightlift/comparison.h"
#include "weightlift/conversion.h"
#include "weightlift/convert/source.h"
#include "weightlift/progress.h"
#include "weightlift/tensor.h"

namespace weightlift {

/// Opens any local checkpoint: as open_source does, or, where that refuses it (another network, no
/// config), the dict of tensors that timm would take. Throws what open_checkpoint and
/// choose_weights throw where there is neither.
DiffSide open_diff_side(const std::string& given, const SourceHints& hints = {});

/// Compares two checkpoints tensor by tensor. Tensors with the same timm name are a pair, and equal
/// where dtype, shape and bytes are equal. Tensors of transformers get timm's names by pairing
/// their network with timm's of the same config, in execution order. Where these do not pair
/// (missing tensors, strides that timm does not support), the names decide. A difference is a
/// result. Throws FormatError where a file is damaged or changes, and what `progress` throws.
CheckpointDiff diff_checkpoints(const DiffSide& a, const DiffSide& b, ProgressSink& progress);

}  // namespace weightlift
