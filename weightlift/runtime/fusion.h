#pragma once

#include <optional>
#include <vector>

#include "weightlift/nn/graph.h"

namespace weightlift {

/// One step of a program: a node, or a convolution together with nodes that follow it.
struct Fusion {
  NodeId node;    ///< runs at this node's place
  NodeId result;  ///< the node whose output the step leaves; `node` where nothing was fused
  std::optional<NodeId> batch_norm;  ///< folded into the weights
  std::optional<NodeId> residual;    ///< added to the convolution's output; done by then
  bool relu = false;
};

/// The nodes of a graph as steps in execution order; every node is in exactly one. With `fuse` a
/// convolution takes in the batch norm, addition and ReLU behind it, as far as nobody else looks at
/// what lies between. Of two convolutions that meet in an addition the later one takes it.
std::vector<Fusion> plan_fusions(const Graph& graph, bool fuse);

/// For each node, how many inputs of other nodes and outputs of the graph it is.
std::vector<std::size_t> count_uses(const Graph& graph);

}  // namespace weightlift
