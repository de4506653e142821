#pragma once

#include <optional>
#include <vector>

#include "weightlift/nn/graph.h"

namespace weightlift {

/// One step of a program: a node, or a convolution together with nodes that follow it.
struct Fusion {
  NodeId node;    ///< runs at this node's place
  NodeId result;  ///< the node whose output the step computes; `node` where nothing was fused
  std::optional<NodeId> batch_norm;  ///< folded into the weights
  std::optional<NodeId> residual;    ///< added to the convolution's output; computed before
  bool relu = false;
};

/// Returns the nodes of a graph as steps in execution order; every node is in exactly one. With
/// `fuse`, a convolution includes the batch norm, addition and ReLU after it, as far as no other
/// node reads the values between them. Of two convolutions that meet in an addition, the later one
/// includes it.
std::vector<Fusion> plan_fusions(const Graph& graph, bool fuse);

/// Returns for each node how often it is an input of other nodes or an output of the graph.
std::vector<std::size_t> count_uses(const Graph& graph);

}  // namespace weightlift
