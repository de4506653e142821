#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "weightlift/nn/graph.h"
#include "weightlift/tensor.h"

namespace weightlift {

/// Of the library that computes: "2.6.3".
std::string onednn_version();

/// The instruction set that it uses on this processor: "avx2", "avx512_core". "default" on other
/// processors than x86-64.
std::string onednn_instruction_set();

struct RuntimeOptions {
  int threads = 0;   ///< 0: all cores; fewer where the system refuses threads
  bool fuse = true;  ///< false: one step per node, plain layouts, every value observable
};

/// Receives each node's output (F32, row-major) in execution order, from an unfused program only.
/// The tensor is valid during the call. Returning false ends the run early.
using Observer = std::function<bool(NodeId node, const Tensor& output)>;

/// The implementation that computes a convolution.
struct Kernel {
  NodeId node;       ///< the convolution
  std::string name;  ///< oneDNN's name, as ONEDNN_VERBOSE=1 prints it: "jit:avx2"
};

class BoundProgram;

/// A graph compiled for the processor, in float32. It holds primitives, layouts and the plan of one
/// arena for activations, but no weights. A run reads each weight from the given graph, node by
/// node, through a small reused buffer, and releases the mapped pages after use. It converts
/// weights of F16, BF16 and F64 to float32. The same input, machine and number of threads give the
/// same bits. Movable; runs of one Program may overlap, each has its own arena.
class Program {
 public:
  /// Compiles a graph. Throws UnsupportedError for operations or shapes that are unsupported, and
  /// UsageError for a graph that trace() did not make.
  static Program compile(const Graph& graph, const RuntimeOptions& options);
  Program(Program&&) noexcept;
  Program& operator=(Program&&) noexcept;
  ~Program();

  /// Returns one kernel for each convolution, in execution order.
  const std::vector<Kernel>& kernels() const;

  /// Returns the graph's outputs in their order. `weights`: a graph equal to the compiled one
  /// except for names; its modules hold the tensors. `input`: F32 of the placeholder's shape.
  /// Throws MismatchError where the two graphs or the shapes differ, or a tensor is missing, and
  /// UsageError for an observer of a fused program.
  std::vector<Tensor> run(const Graph& weights, const Tensor& input,
                          const Observer& observer = {}) const;

  /// Returns what run() returns where each weight is first rounded to the dtype of its counterpart
  /// in `like`, another graph equal to the compiled one. Rounds as it reads, without a copy of the
  /// weights. Throws MismatchError as run().
  std::vector<Tensor> run_rounded(const Graph& weights, const Graph& like,
                                  const Tensor& input) const;

  /// Returns a program for many runs on the same weights: it reads them from the graph once, as
  /// run() does. Throws MismatchError as run().
  BoundProgram bind(const Graph& weights) const;

 private:
  friend class BoundProgram;
  struct Impl;
  explicit Program(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

/// A Program with its own weights, in float32 and in the layouts of its steps. It does not need the
/// graph, the modules or their file. Movable; runs may overlap.
class BoundProgram {
 public:
  BoundProgram(BoundProgram&&) noexcept;
  BoundProgram& operator=(BoundProgram&&) noexcept;
  ~BoundProgram();

  /// Returns Program::run's outputs, bit for bit. Throws MismatchError where the input's shape
  /// differs.
  std::vector<Tensor> run(const Tensor& input) const;

 private:
  friend class Program;
  struct Impl;
  explicit BoundProgram(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace weightlift
