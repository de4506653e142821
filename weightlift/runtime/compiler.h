#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "weightlift/nn/graph.h"
#include "weightlift/runtime/arena.h"
#include "weightlift/runtime/layout.h"
#include "weightlift/runtime/program.h"
#include "weightlift/runtime/weights.h"

namespace weightlift {

/// The place of a value: a piece of the arena.
struct Place {
  std::size_t buffer = 0;
  Layout layout;
};

/// The memory of a step: the arena, and its parameters as its own `pack` wrote them.
struct StepContext {
  const ArenaPlan& plan;
  std::byte* arena;
  const std::byte* parameters;

  std::byte* bytes(std::size_t buffer) const { return arena + plan.offsets[buffer]; }
  float* floats(std::size_t buffer) const { return reinterpret_cast<float*>(bytes(buffer)); }
  float* floats(const Place& place) const { return floats(place.buffer); }
};

/// The weights of a step, in the form that it uses.
struct Parameters {
  std::size_t bytes = 0;
  std::size_t buffer = 0;  ///< of the arena; they are packed there just before the step
  std::function<void(const Weights& weights, std::byte* to)> pack;  ///< empty where there are none
};

struct Step {
  NodeId node;  ///< whose value `output` is, or an intermediate form of it
  Place output;
  std::function<void(const StepContext&)> run;
  Parameters parameters = {};
};

/// A graph as a list of steps with a place for every value.
struct CompiledGraph {
  std::vector<Step> steps;
  std::vector<Kernel> kernels;      ///< of the convolutions
  std::vector<Lifetime> lifetimes;  ///< of the arena's buffers
  Place input;                      ///< row-major
  std::vector<Place> outputs;       ///< row-major, alive after the last step
};

/// Compiles a graph for the number of OpenMP threads that is set now. With `fuse`, convolutions
/// include the nodes that follow them, and values have the layouts that the convolutions prefer.
/// Without it, there is one step per node and every value is row-major. Throws UnsupportedError
/// where a step is impossible.
CompiledGraph compile_graph(const Graph& graph, bool fuse);

}  // namespace weightlift
