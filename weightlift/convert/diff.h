#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "weightlift/base/note.h"
#include "weightlift/base/progress.h"
#include "weightlift/checkpoint/checkpoint.h"
#include "weightlift/convert/source.h"
#include "weightlift/tensor/value_difference.h"

namespace weightlift {

/// One of two checkpoints to compare. Its weights have not been read yet.
struct DiffSide {
  Checkpoint checkpoint;
  StateDict tensors;  ///< with timm's names where the network is known, else with the file's
  std::map<std::string, std::string> own_names;  ///< names that are not timm's, by timm's name
  std::string not_convertible;      ///< why it is not a supported network; empty: it is one
  std::int64_t counters_added = 0;  ///< missing num_batches_tracked, taken as 0
  Notes notes;
};

/// Opens any local checkpoint: as open_source does, or, where that refuses it (another network, no
/// config), the dict of tensors that timm would take. Throws what open_checkpoint and
/// choose_weights throw where there is neither.
DiffSide open_diff_side(const std::string& given, const SourceHints& hints = {});

/// The first difference found between a tensor and its counterpart.
enum class DifferenceKind : std::uint8_t { kOnlyInA, kOnlyInB, kShape, kDtype, kValues };

/// "only_in_a"
std::string_view to_string(DifferenceKind kind);

/// A tensor as one side has it.
struct TensorFacts {
  std::string name;  ///< in its own checkpoint
  DType dtype;
  Shape shape;
};

struct TensorDifference {
  DifferenceKind kind;
  std::optional<TensorFacts> a, b;  ///< kOnlyInA and kOnlyInB have only one
  /// For kDtype and kValues; empty for dtypes whose values weightlift does not compare (F8, C64).
  /// kValues without a different element: only bits differ, as in 0 and -0, or two NaN.
  std::optional<ValueDifference> values;
  bool equal_rounded = false;  ///< for kDtype: the wider one rounds to the narrower one's bits
};

struct CheckpointDiff {
  std::size_t tensors = 0;                    ///< pairs, and tensors of only one side
  std::vector<TensorDifference> differences;  ///< missing and wrong shapes, then the largest first

  std::size_t count(DifferenceKind kind) const;
  std::size_t equal_count() const { return tensors - differences.size(); }
};

/// Compares two checkpoints tensor by tensor. Tensors with the same timm name are a pair, and equal
/// where dtype, shape and bytes are equal. Tensors of transformers get timm's names by pairing
/// their network with timm's of the same config, in execution order. Where these do not pair
/// (missing tensors, strides that timm does not support), the names decide. A difference is a
/// result. Throws FormatError where a file is damaged or changes, and what `progress` throws.
CheckpointDiff diff_checkpoints(const DiffSide& a, const DiffSide& b, ProgressSink& progress);

}  // namespace weightlift
