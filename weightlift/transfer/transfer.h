#pragma once

#include <functional>
#include <string>
#include <vector>

#include "weightlift/nn/module.h"

namespace weightlift {

/// The leaf modules that one forward pass runs, in execution order. `parametrized` returns those
/// with state (convolutions, batch norms, linear layers), which a transfer pairs.
class Tracker {
 public:
  /// Runs forward on shapes; `module` must outlive the tracker.
  Tracker(const Module& module, const Shape& input);
  const Graph& graph() const { return graph_; }
  std::vector<const Node*> traced() const;
  std::vector<const Node*> parametrized() const;

 private:
  Graph graph_;
};

/// A pair of operations whose tensors were moved.
struct TransferredOperation {
  std::string src;  ///< path in the source network
  std::string dest;
  std::string op;  ///< "Conv2d(3, 64, kernel_size=7, ...)"
  std::vector<std::pair<std::string, std::string>> tensors;  ///< full names, source and destination
};

struct TransferReport {
  std::vector<TransferredOperation> operations;
  std::size_t tensor_count() const;
};

/// Moves the tensors of one network into another by pairing their parametrized operations in
/// execution order. Rebinds handles and copies no bytes. Throws MismatchError where counts, kinds,
/// attributes or shapes differ, where a tensor of src would not move although its operation is not
/// skipped, or where a slot of dest would have no tensor.
/// The message lists both sides around the first difference, and both networks are unchanged.
struct ModuleTransfer {
  const Module& src;
  Module& dest;
  /// Kinds of operations to skip, by torch's class name ("BatchNorm2d").
  std::vector<std::string> src_skip = {};
  std::vector<std::string> dest_skip = {};
  std::function<void(const TransferredOperation&)> verbose = {};  ///< called for each pair

  /// `input`: the shape (N, C, H, W) with which both are traced.
  TransferReport operator()(const Shape& input) const;
};

/// Throws MismatchError, with both sides around the first difference, unless the graphs are equal
/// node by node, including activations, pooling, strides and eps.
void require_equal_graphs(const Graph& src, const Graph& dest);

}  // namespace weightlift
