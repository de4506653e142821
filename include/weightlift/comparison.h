#pragma once

// Layer: convert

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "weightlift/checkpoint.h"
#include "weightlift/models.h"

namespace WEIGHTLIFT_API weightlift {

struct VerifyOptions {
  std::int64_t samples = 1;  ///< number of inputs
  std::uint64_t seed = 0;
  /// As in torch.allclose, for the outputs across dtypes: the change that rounding may cause. With
  /// neither, the change is measured but not limited; with only one, the other is torch's default.
  std::optional<double> rtol = {}, atol = {};
  int threads = 0;  ///< 0: all cores; fewer where the system refuses threads
};

/// One output of the two networks, over all samples.
struct OutputComparison {
  std::string name;  ///< "logits", "last_hidden_state", "pooler_output"
  bool bit_equal = true;
  bool close = true;  ///< allclose with rtol and atol, where one is set
  Difference difference = {};
  std::int64_t elements = 0;
  /// For logits: the number of inputs, and of those that both networks put into the same class.
  std::int64_t inputs = 0, same_top1 = 0;
  /// Across dtypes, where the graphs are equal: the source's weights, equally rounded, give the
  /// same bits.
  bool bit_equal_rounded = true;

  double mean_abs() const {
    return elements == 0 ? 0 : difference.sum_abs / static_cast<double>(elements);
  }
};

/// Two operations that differ at one position of both graphs, in execution order.
struct OperationDifference {
  std::size_t position;
  std::string src, dest;  ///< "layer1.0.act1: ReLU()", or "nothing" beyond the end
};

/// The first operation in execution order whose outputs differ.
struct FirstDifference {
  std::size_t position;
  std::string src, dest;                 ///< "layer1.0.act1: activation(relu) -> [1, 64, 56, 56]"
  std::optional<Difference> difference;  ///< empty where the shapes differ
};

struct Verification {
  Shape input_shape;
  VerifyOptions options;
  bool same_dtype = true;   ///< outputs must be bit-equal; else bit-equal after rounding, and close
  std::size_t tensors = 0;  ///< number of compared tensors
  std::vector<std::string> different_tensors;  ///< "fc.weight and classifier.1.weight"
  std::size_t operations = 0;                  ///< nodes of the source's graph
  std::vector<OperationDifference> graph_differences;
  std::vector<OutputComparison> outputs;
  std::optional<FirstDifference> first_difference;
  std::int64_t nan_count = 0, inf_count = 0;  ///< in the source's weights
  std::size_t non_finite_tensors = 0;

  bool verified() const;
};

/// How the labels of two folders differ.
struct LabelDifference {
  std::int64_t classes = 0;
  std::int64_t different = 0;
  std::int64_t first = -1;  ///< the lowest class whose labels differ, -1 for none
  std::string src, dest;    ///< its labels
};

/// How the settings of two folders differ. Empty where the first has no such setting.
struct SettingsComparison {
  std::optional<LabelDifference> labels;
  /// Differences of the image processors: "crop_pct 0.95 and 0.875"; an empty list: equal.
  std::optional<std::vector<std::string>> processor;
};

/// A comparison of a folder with a source. Different settings do not fail the verification: the
/// user may have chosen them.
struct FolderVerification {
  Verification network;
  SettingsComparison settings;
  std::vector<OutsideTensor> outside = {};  ///< the source's tensors that were ignored
};

/// One of two checkpoints to compare. Its weights have not been read yet.
struct DiffSide {
  Checkpoint checkpoint;
  StateDict tensors;  ///< with timm's names where the network is known, else with the file's
  std::map<std::string, std::string> own_names;  ///< names that are not timm's, by timm's name
  std::string not_convertible;      ///< why it is not a supported network; empty: it is one
  std::int64_t counters_added = 0;  ///< missing num_batches_tracked, taken as 0
  Notes notes;
};

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

}  // namespace weightlift
