#pragma once

#include <functional>
#include <string>
#include <vector>

#include "weightlift/nn/module.h"

namespace weightlift {

/// What one forward pass ran, in execution order: every leaf module. `parametrized` are those with
/// state (convolutions, batch norms, linear layers): what a transfer pairs.
class Tracker {
 public:
  /// Runs forward on shapes; `module` must outlive the tracker.
  Tracker(Module& module, const Shape& input);
  const Graph& graph() const { return graph_; }
  std::vector<const Node*> traced() const;
  std::vector<const Node*> parametrized() const;

 private:
  Graph graph_;
};

/// One pair of operations whose tensors were moved.
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

/// Moves the tensors of one network into another by pairing their parametrised operations in
/// execution order: handles are rebound, no bytes are copied. Plans first: throws MismatchError,
/// with both sides listed around the first difference, where counts, kinds, attributes or shapes
/// differ, or where a skip would leave an operation of dest without tensors; both networks are then
/// untouched.
struct ModuleTransfer {
  Module& src;
  Module& dest;
  std::vector<std::string> src_skip =
      {};  ///< kinds left out, by torch's class name ("BatchNorm2d")
  std::vector<std::string> dest_skip = {};
  std::function<void(const TransferredOperation&)> verbose = {};  ///< told of each pair

  /// `input`: the shape to trace both with, (N, C, H, W).
  TransferReport operator()(const Shape& input) const;
};

/// Throws MismatchError, with both sides around the first difference, unless the graphs are equal
/// node by node: activations, pooling, strides and eps included.
void require_equal_graphs(const Graph& src, const Graph& dest);

}  // namespace weightlift
