#pragma once

// Layer: convert

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weightlift/checkpoint.h"
#include "weightlift/models.h"

/// @file
/// Results of verify() and diff().

namespace WEIGHTLIFT_API weightlift {

/// How to verify.
struct VerifyOptions {
  std::int64_t samples = 1;  ///< number of random inputs, of standard normal values
  std::uint64_t seed = 0;    ///< the same seed gives the same inputs

  /// As in torch.allclose, for the outputs across dtypes: the change that rounding may cause. With
  /// neither, the change is measured but not limited. With only one, the other is torch's default:
  /// 1e-5 for rtol, 1e-8 for atol.
  std::optional<double> rtol = {}, atol = {};

  int threads = 0;  ///< of OpenMP; 0: all cores; fewer where the system refuses threads
};

/// One output of the two networks, over all samples.
struct OutputComparison {
  std::string name;  ///< "logits", "last_hidden_state", "pooler_output"
  bool bit_equal = true;
  bool close = true;           ///< allclose with rtol and atol, where one is set
  Difference difference = {};  ///< of the source from the other; max_abs_index stays -1
  std::int64_t elements = 0;   ///< number of compared elements

  /// For logits: the number of inputs, and of those that both networks put into the same class.
  std::int64_t inputs = 0, same_top1 = 0;

  /// Across dtypes, where the graphs are equal: the source's weights, equally rounded, give the
  /// same bits.
  bool bit_equal_rounded = true;

  /// The mean of all |a - b|.
  double mean_abs() const {
    return elements == 0 ? 0 : difference.sum_abs / static_cast<double>(elements);
  }
};

/// Two operations that differ at one position of both graphs.
struct OperationDifference {
  std::size_t position;   ///< in execution order
  std::string src, dest;  ///< "layer1.0.act1: ReLU()", or "nothing" beyond the end
};

/// The first operation that differs, or whose outputs differ.
struct FirstDifference {
  std::size_t position;                  ///< in execution order
  std::string src, dest;                 ///< "layer1.0.act1: activation(relu) -> [1, 64, 56, 56]"
  std::optional<Difference> difference;  ///< of `dest` from `src`; empty where shapes differ
};

/// A comparison of a source (`src`) with its converted model (`dest`), in their tensors, their
/// graphs and their outputs. A plain value, which outlives both.
struct Verification {
  Shape input_shape;        ///< of one sample: (1, C, H, W)
  VerifyOptions options;    ///< with the number of threads that was used
  bool same_dtype = true;   ///< outputs must be bit-equal; else bit-equal after rounding, and close
  std::size_t tensors = 0;  ///< number of compared tensors
  std::vector<std::string> different_tensors;  ///< "fc.weight and classifier.1.weight"
  std::size_t operations = 0;                  ///< nodes of the source's graph
  std::vector<OperationDifference> graph_differences;
  std::vector<OutputComparison> outputs;
  std::optional<FirstDifference> first_difference;
  std::int64_t nan_count = 0, inf_count = 0;  ///< in the source's weights
  std::size_t non_finite_tensors = 0;

  /// Whether all tensors are equal (after the change of dtype), both graphs are equal, and each
  /// output is bit-equal. Across dtypes each output is bit_equal_rounded and close.
  bool verified() const;
};

/// How the labels of two models differ.
struct LabelDifference {
  std::int64_t classes = 0;    ///< number of all classes
  std::int64_t different = 0;  ///< number of classes whose labels differ
  std::int64_t first = -1;     ///< the lowest class whose labels differ, -1 for none
  std::string src, dest;       ///< its labels
};

/// How the settings of a folder differ from those that a conversion of the source would give it.
/// Empty where the source has no such setting.
struct SettingsComparison {
  std::optional<LabelDifference> labels;  ///< also empty where the numbers of classes differ

  /// Differences of the image processors: "crop_pct 0.95 and 0.875"; an empty list: equal.
  std::optional<std::vector<std::string>> processor;
};

/// A comparison of a folder with a source: what verify() returns. Different settings do not fail
/// the verification, since the user may have chosen them. `outside` holds handles on the source's
/// mapped file; the rest are plain values.
struct FolderVerification {
  Verification network;
  SettingsComparison settings;
  std::vector<OutsideTensor> outside = {};  ///< the source's tensors that were ignored
};

/// One of two compared checkpoints. Keeps its files mapped, and `tensors` holds handles on them.
struct DiffSide {
  Checkpoint checkpoint;  ///< opened, with all its dicts
  StateDict tensors;      ///< with timm's names where the network is known, else with the file's
  std::map<std::string, std::string> own_names;  ///< from a name in `tensors` to the file's other
  std::string not_convertible;      ///< why it is not a supported network; empty: it is one
  std::int64_t counters_added = 0;  ///< missing num_batches_tracked, taken as 0
  Notes notes;                      ///< of opening
};

/// The first difference found between a tensor and its counterpart.
enum class DifferenceKind : std::uint8_t { kOnlyInA, kOnlyInB, kShape, kDtype, kValues };

/// "only_in_a", "only_in_b", "shape", "dtype" or "values".
std::string_view to_string(DifferenceKind kind);

/// A tensor as one side has it.
struct TensorFacts {
  std::string name;  ///< in its own checkpoint
  DType dtype;
  Shape shape;
};

/// A tensor that differs, or that only one side has.
struct TensorDifference {
  DifferenceKind kind;
  std::optional<TensorFacts> a, b;  ///< kOnlyInA and kOnlyInB have only one

  /// For kDtype and kValues; empty for dtypes whose values weightlift does not compare (F8, C64).
  /// kValues without a different element: only bits differ, as in 0 and -0, or two NaN.
  std::optional<ValueDifference> values;

  bool equal_rounded = false;  ///< for kDtype: the wider one rounds to the narrower one's bits
};

/// A comparison of two checkpoints, tensor by tensor. A plain value.
struct CheckpointDiff {
  std::size_t tensors = 0;  ///< number of pairs, and of tensors of only one side
  /// First those without a number (missing tensors, other shapes), then the largest max_abs first.
  std::vector<TensorDifference> differences;

  /// The number of differences of one kind.
  std::size_t count(DifferenceKind kind) const;

  /// The number of pairs that are equal in dtype, shape and bits.
  std::size_t equal_count() const { return tensors - differences.size(); }
};

}  // namespace weightlift
