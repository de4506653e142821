#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "weightlift/base/note.h"
#include "weightlift/nn/graph.h"
#include "weightlift/tensor/compare.h"

namespace weightlift {

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
  std::vector<GraphDifference> graph_differences;
  std::vector<OutputComparison> outputs;
  std::optional<FirstDifference> first_difference;
  std::int64_t nan_count = 0, inf_count = 0;  ///< in the source's weights
  std::size_t non_finite_tensors = 0;

  bool verified() const;
};

/// An input for verification: standard normal, from splitmix64 and the Box-Muller transform. The
/// same seed and sample give the same input.
Tensor random_input(const Shape& shape, std::uint64_t seed, std::int64_t sample);

/// Compares `dest` with `src` as docs/architecture.md defines "verified": tensors bit-equal (after
/// a change of dtype, if any), graphs equal node by node, outputs bit-equal (across dtypes: to
/// those of the source's weights, equally rounded). Both graphs are on the input shape, and their
/// modules hold the tensors. Finds the first operation that differs. A difference is a result;
/// throws only where a network cannot run. Calls `checkpoint` between steps; it may throw.
Verification verify_networks(const Graph& src, const Graph& dest, const VerifyOptions& options,
                             const std::function<void()>& checkpoint = {});

/// The note about NaN and infinities in the source's weights.
Note non_finite_note(const Verification& verification);

}  // namespace weightlift
