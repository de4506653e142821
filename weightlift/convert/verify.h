#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "weightlift/nn/module.h"
#include "weightlift/tensor/compare.h"

namespace weightlift {

struct VerifyOptions {
  std::int64_t samples = 1;  ///< inputs to compare the outputs on
  std::uint64_t seed = 0;
  /// Of torch.allclose, on the outputs across dtypes: what rounding the weights may cost. Where
  /// neither is given the cost is measured and not judged; where one is, the other is torch's.
  std::optional<double> rtol = {}, atol = {};
  int threads = 0;  ///< 0: all cores
};

/// One network with its graph on the input shape; its modules hold the tensors.
struct NetworkView {
  Module& network;
  const Graph& graph;
};

/// One output of the two networks, over all samples.
struct OutputComparison {
  std::string name;  ///< "logits", "last_hidden_state", "pooler_output"
  bool bit_equal = true;
  bool close = true;  ///< allclose with rtol and atol, where these are given
  Difference difference = {};
  std::int64_t elements = 0;
  /// Of logits: inputs, and how many of them both networks put into the same class.
  std::int64_t inputs = 0, same_top1 = 0;
  /// Across dtypes: the source's weights, rounded alike, give the same bits.
  bool bit_equal_rounded = true;

  double mean_abs() const {
    return elements == 0 ? 0 : difference.sum_abs / static_cast<double>(elements);
  }
};

/// The first operation in execution order whose outputs differ.
struct FirstDifference {
  std::size_t position;
  std::string src, dest;                 ///< "layer1.0.act1: activation(relu) -> [1, 64, 56, 56]"
  std::optional<Difference> difference;  ///< none where the shapes differ
};

struct Verification {
  Shape input_shape;
  VerifyOptions options;
  bool same_dtype = true;   ///< then outputs must be bit-equal; else after rounding, and close
  std::size_t tensors = 0;  ///< compared
  std::vector<std::string> different_tensors;  ///< "fc.weight and classifier.1.weight"
  std::size_t operations = 0;                  ///< nodes of the source's graph
  std::vector<GraphDifference> graph_differences;
  std::vector<OutputComparison> outputs;
  std::optional<FirstDifference> first_difference;
  std::int64_t nan_count = 0, inf_count = 0;  ///< in the source's weights
  std::size_t non_finite_tensors = 0;

  bool verified() const;
};

/// The inputs of verification: standard normal, from splitmix64 by Box and Muller, in this order of
/// samples: the same seed gives the same input.
Tensor random_input(const Shape& shape, std::uint64_t seed, std::int64_t sample);

/// Holds `dest` against `src` as docs/architecture.md defines "verified": tensors bit-equal (after
/// a change of dtype, if any), graphs equal node by node, outputs bit-equal (across dtypes: to
/// those of the source's weights rounded alike, which `src` is given for a while). Where anything
/// differs, names the first operation that does. `pairs`: the tensors' full names on both sides. A
/// difference is a result; throws only where a network cannot run. `checkpoint` is called between
/// steps and may throw.
Verification verify_networks(const NetworkView& src, const NetworkView& dest,
                             const VerifyOptions& options,
                             const std::function<void()>& checkpoint = {});

/// One sentence where the source's weights hold NaN or infinities, else nothing.
std::string non_finite_note(const Verification& verification);

}  // namespace weightlift
