#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "weightlift/base/progress.h"
#include "weightlift/checkpoint/checkpoint.h"
#include "weightlift/convert/source.h"
#include "weightlift/tensor/value_difference.h"

namespace weightlift {

/// One of two checkpoints to compare. Its weights have not been read yet.
struct DiffSide {
  Checkpoint checkpoint;
  StateDict tensors;  ///< in timm's names, where it is a ResNet; else in those of the file
  std::map<std::string, std::string> own_names;  ///< of those that are not timm's, by timm's name
  std::string no_resnet;            ///< why it is no plain ResNet, empty where it is one
  std::int64_t counters_added = 0;  ///< num_batches_tracked that the file lacks, taken as 0
  std::vector<std::string> notes;   ///< for the log, one line each
};

/// Opens any checkpoint that lies here: what open_source takes, and where that refuses (another
/// network, no config), the dict of tensors that timm would take. Throws IoError, FormatError or
/// MismatchError where there is neither.
DiffSide open_diff_side(const std::string& given, const SourceHints& hints = {});

/// What is first found to differ between a tensor and its counterpart.
enum class DifferenceKind : std::uint8_t { kOnlyInA, kOnlyInB, kShape, kDtype, kValues };

/// "only_in_a"
std::string_view to_string(DifferenceKind kind);

/// A tensor as one side has it.
struct TensorFacts {
  std::string name;  ///< the side's own
  DType dtype;
  Shape shape;
};

struct TensorDifference {
  DifferenceKind kind;
  std::optional<TensorFacts> a, b;  ///< one is missing of kOnlyInA and kOnlyInB
  /// Of kDtype and kValues; nothing for dtypes whose values are not compared (F8, C64). Of kValues
  /// with no different element, only bits differ: 0 and -0, or two NaN.
  std::optional<ValueDifference> values;
  bool equal_rounded = false;  ///< of kDtype: the wider one rounds to the bits of the narrower
};

struct CheckpointDiff {
  std::size_t tensors = 0;                    ///< pairs, and those of one side alone
  std::vector<TensorDifference> differences;  ///< missing and misshapen, then the largest first

  std::size_t count(DifferenceKind kind) const;
  std::size_t equal_count() const { return tensors - differences.size(); }
};

/// Compares two checkpoints tensor by tensor: those that timm calls by one name face each other,
/// equal where dtype, shape and bytes are. Tensors of transformers are named by pairing their
/// network with timm's of the same config, in execution order; where these do not pair (tensors are
/// missing, strides timm has not), by the names alone. A difference is a result; throws FormatError
/// where a file is damaged or changes, and what `progress` throws.
CheckpointDiff diff_checkpoints(const DiffSide& a, const DiffSide& b, ProgressSink& progress);

}  // namespace weightlift
