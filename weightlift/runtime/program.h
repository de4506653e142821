#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "weightlift/nn/graph.h"
#include "weightlift/tensor/tensor.h"

namespace weightlift {

struct RuntimeOptions {
  int threads = 0;   ///< 0: all cores
  bool fuse = true;  ///< false: one step per node, plain layouts, every value observable
};

/// Called with each node's output (F32, row-major) in execution order, of an unfused program only.
/// The tensor is valid during the call. Returning false ends the run early.
using Observer = std::function<bool(NodeId node, const Tensor& output)>;

/// The implementation that computes a convolution.
struct Kernel {
  NodeId node;       ///< the convolution
  std::string name;  ///< oneDNN's, as ONEDNN_VERBOSE=1 prints it: "jit:avx2"
};

class BoundProgram;

/// A graph compiled for the processor, float32. It holds primitives, layouts and the plan of one
/// arena for activations, and no weights: a run takes each weight from the graph it is given, node
/// by node, through a small reused buffer, and gives the mapped pages back after use. Weights of
/// F16, BF16 and F64 are taken as float32. Same input, same machine, same threads: same bits.
/// Movable; runs of one Program may overlap, each has an arena of its own.
class Program {
 public:
  /// Throws MismatchError for an operation that the runtime does not have.
  static Program compile(const Graph& graph, const RuntimeOptions& options);
  Program(Program&&) noexcept;
  Program& operator=(Program&&) noexcept;
  ~Program();

  /// One for each convolution, in execution order.
  const std::vector<Kernel>& kernels() const;

  /// The graph's outputs in their order. `weights`: a graph equal to the compiled one but for
  /// names; its modules hold the tensors. `input`: F32 of the placeholder's shape. Throws
  /// MismatchError where the two graphs or the shapes differ.
  std::vector<Tensor> run(const Graph& weights, const Tensor& input,
                          const Observer& observer = {}) const;

  /// For many runs on the same weights: these are taken from the graph, as run() takes them, once.
  /// Throws MismatchError as run().
  BoundProgram bind(const Graph& weights) const;

 private:
  friend class BoundProgram;
  struct Impl;
  explicit Program(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

/// A Program with weights of its own, float32 in the layouts that it computes with: it needs
/// neither the graph nor the modules nor the file that they came from. Movable; runs may overlap.
class BoundProgram {
 public:
  BoundProgram(BoundProgram&&) noexcept;
  BoundProgram& operator=(BoundProgram&&) noexcept;
  ~BoundProgram();

  /// Program::run's outputs, bit for bit. Throws MismatchError where the input's shape differs.
  std::vector<Tensor> run(const Tensor& input) const;

 private:
  friend class Program;
  struct Impl;
  explicit BoundProgram(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace weightlift
