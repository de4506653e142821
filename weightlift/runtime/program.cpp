#include "weightlift/runtime/program.h"

#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "weightlift/base/error.h"
#include "weightlift/runtime/compiler.h"

namespace weightlift {

namespace {

/// Sets this thread's number of OpenMP threads and puts the old one back.
class ThreadCount {
 public:
  explicit ThreadCount(int threads) : before_(omp_get_max_threads()) {
    omp_set_num_threads(threads);
  }
  ~ThreadCount() { omp_set_num_threads(before_); }
  ThreadCount(const ThreadCount&) = delete;
  ThreadCount& operator=(const ThreadCount&) = delete;

 private:
  int before_;
};

int thread_count(const RuntimeOptions& options) {
  return options.threads > 0 ? options.threads : omp_get_num_procs();
}

/// Arenas that no run uses at the moment. A new one costs page faults, so that runs hand theirs on.
class ArenaPool {
 public:
  explicit ArenaPool(std::size_t bytes) : bytes_(bytes) {}

  AlignedBuffer take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return AlignedBuffer(bytes_);
    AlignedBuffer arena = std::move(free_.back());
    free_.pop_back();
    return arena;
  }

  void give_back(AlignedBuffer arena) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(arena));
  }

 private:
  std::size_t bytes_;
  std::mutex mutex_;
  std::vector<AlignedBuffer> free_;
};

CompiledGraph compile_with_threads(const Graph& graph, bool fuse, int threads) {
  const ThreadCount scope(threads);
  return compile_graph(graph, fuse);
}

}  // namespace

struct Program::Impl {
  Impl(const Graph& traced, const RuntimeOptions& options)
      : graph(traced),
        fused(options.fuse),
        threads(thread_count(options)),
        compiled(compile_with_threads(traced, options.fuse, threads)),
        arenas(compiled.arena.bytes) {}

  void require_equal(const Graph& weights) const {
    const auto differences = compare_graphs(graph, weights);
    if (differences.empty()) return;
    throw MismatchError(fmt::format("node {}: expected {}, got {}", differences[0].position,
                                    differences[0].a, differences[0].b));
  }

  void require_input(const Tensor& input) const {
    const Shape& shape = graph.node(0).shape;
    if (input.dtype() == DType::F32 && input.shape() == shape) return;
    throw MismatchError(fmt::format("input: expected F32 {}, got {} {}", to_string(shape),
                                    to_string(input.dtype()), to_string(input.shape())));
  }

  std::span<const float> value(const StepContext& context, const Place& place) const {
    return {context.floats(place), static_cast<std::size_t>(place.layout.elements())};
  }

  /// Only compared; its modules may be gone.
  Graph graph;
  bool fused;
  int threads;
  CompiledGraph compiled;
  ArenaPool arenas;
};

Program::Program(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Program::Program(Program&&) noexcept = default;
Program& Program::operator=(Program&&) noexcept = default;
Program::~Program() = default;

Program Program::compile(const Graph& graph, const RuntimeOptions& options) {
  return Program(std::make_unique<Impl>(graph, options));
}

std::vector<Tensor> Program::run(const Graph& weights, const Tensor& input,
                                 const Observer& observer) const {
  if (observer && impl_->fused) throw std::logic_error("a fused program has no observable nodes");
  impl_->require_equal(weights);
  impl_->require_input(input);
  const ThreadCount scope(impl_->threads);
  const CompiledGraph& compiled = impl_->compiled;
  AlignedBuffer arena = impl_->arenas.take();
  const StepContext context{weights, compiled.arena, arena.data()};
  std::ranges::copy(input.bytes(), context.bytes(compiled.input.buffer));
  for (const Step& step : compiled.steps) {
    step.run(context);
    if (!observer) continue;
    const auto output = std::as_bytes(impl_->value(context, step.output));
    const Shape& shape = impl_->graph.node(step.node).shape;
    if (!observer(step.node, Tensor::view(DType::F32, shape, output, nullptr))) return {};
  }
  std::vector<Tensor> outputs;
  for (std::size_t i = 0; i < compiled.outputs.size(); ++i) {
    const auto values = impl_->value(context, compiled.outputs[i]);
    const Shape& shape = impl_->graph.node(impl_->graph.outputs()[i]).shape;
    outputs.push_back(Tensor::of(shape, std::vector<float>(values.begin(), values.end())));
  }
  impl_->arenas.give_back(std::move(arena));
  return outputs;
}

}  // namespace weightlift
