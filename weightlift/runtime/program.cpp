#include "weightlift/runtime/program.h"

#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <utility>
#include <variant>

#include "weightlift/base/cgroup.h"
#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/base/threads.h"
#include "weightlift/runtime/compiler.h"
#include "weightlift/runtime/weights.h"

namespace weightlift {

namespace {

/// Sets this thread's number of OpenMP threads and restores it at the end of the scope.
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

/// At most as many as the system starts now: OpenMP ends the process where it refuses one later.
int thread_count(const RuntimeOptions& options) {
  const int wanted = options.threads > 0 ? options.threads : available_processors();
  return startable_team(wanted, 0);
}

/// Throws NoMemoryError unless there is room for the stacks of OpenMP's threads and for its and
/// oneDNN's small allocations: both end the process where these fail.
void require_room_for(int threads) {
  constexpr std::size_t kBytes = std::size_t{4} << 20, kStackBytes = std::size_t{8} << 20;
  require_memory(kBytes + static_cast<std::size_t>(threads - 1) * kStackBytes);
}

/// The unused arenas of one plan. A new arena costs page faults, so runs reuse them.
class ArenaPool {
 public:
  explicit ArenaPool(ArenaPlan plan) : plan_(std::move(plan)) {}

  const ArenaPlan& plan() const { return plan_; }

  AlignedBuffer take() const {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return AlignedBuffer(plan_.bytes);
    AlignedBuffer arena = std::move(free_.back());
    free_.pop_back();
    return arena;
  }

  void give_back(AlignedBuffer arena) const {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(arena));
  }

 private:
  ArenaPlan plan_;
  mutable std::mutex mutex_;
  mutable std::vector<AlignedBuffer> free_;
};

CompiledGraph compile_with_threads(const Graph& graph, bool fuse, int threads) {
  const ThreadCount scope(threads);
  return compile_graph(graph, fuse);
}

/// An arena without room for parameters.
ArenaPlan plan_bound_arena(const CompiledGraph& compiled) {
  std::vector<Lifetime> lifetimes = compiled.lifetimes;
  for (const Step& step : compiled.steps) {
    if (step.parameters.pack) lifetimes[step.parameters.buffer].bytes = 0;
  }
  return plan_arena(lifetimes);
}

}  // namespace

struct Program::Impl {
  Impl(const Graph& traced, const RuntimeOptions& options)
      : graph(traced),
        fused(options.fuse),
        threads(thread_count(options)),
        compiled(compile_with_threads(traced, options.fuse, threads)),
        arenas(plan_arena(compiled.lifetimes)) {}

  void require_equal(const Graph& weights) const {
    const auto differences = compare_graphs(graph, weights);
    if (differences.empty()) return;
    throw MismatchError(fmt::format("node {}", differences[0].position),
                        fmt::format("expected {}, got {}", differences[0].a, differences[0].b));
  }

  void require_input(const Tensor& input) const {
    const Shape& shape = graph.node(0).shape;
    if (input.dtype() == DType::F32 && input.shape() == shape) return;
    throw MismatchError("input", fmt::format("expected F32 {}, got {} {}", to_string(shape),
                                             to_string(input.dtype()), to_string(input.shape())));
  }

  static std::span<const float> value(const StepContext& context, const Place& place) {
    return {context.floats(place), static_cast<std::size_t>(place.layout.elements())};
  }

  /// Runs all steps. `parameters(i, context)` returns the address of the parameters of step i.
  template <class ParametersOf>
  std::vector<Tensor> run(const ArenaPool& pool, const Tensor& input, const Observer& observer,
                          const ParametersOf& parameters) const;

  /// Runs all steps, each with parameters that it packs just before it.
  std::vector<Tensor> run(const Weights& weights, const Tensor& input,
                          const Observer& observer) const;

  /// Used only for comparison: its modules may no longer exist.
  Graph graph;
  bool fused;
  int threads;
  CompiledGraph compiled;
  ArenaPool arenas;
};

template <class ParametersOf>
std::vector<Tensor> Program::Impl::run(const ArenaPool& pool, const Tensor& input,
                                       const Observer& observer,
                                       const ParametersOf& parameters) const {
  require_input(input);
  const ThreadCount scope(threads);
  AlignedBuffer arena = pool.take();
  require_room_for(threads);
  StepContext context{pool.plan(), arena.data(), nullptr};
  std::ranges::copy(input.bytes(), context.bytes(compiled.input.buffer));
  for (std::size_t i = 0; i < compiled.steps.size(); ++i) {
    const Step& step = compiled.steps[i];
    context.parameters = parameters(i, context);
    step.run(context);
    if (!observer) continue;
    const auto output = std::as_bytes(value(context, step.output));
    const Shape& shape = graph.node(step.node).shape;
    if (!observer(step.node, Tensor::view(DType::F32, shape, output, nullptr))) return {};
  }
  std::vector<Tensor> outputs;
  for (std::size_t i = 0; i < compiled.outputs.size(); ++i) {
    const auto values = value(context, compiled.outputs[i]);
    const Shape& shape = graph.node(graph.outputs()[i]).shape;
    outputs.push_back(Tensor::of(shape, std::vector<float>(values.begin(), values.end())));
  }
  pool.give_back(std::move(arena));
  return outputs;
}

std::vector<Tensor> Program::Impl::run(const Weights& weights, const Tensor& input,
                                       const Observer& observer) const {
  require_equal(weights.graph);
  const auto pack = [&](std::size_t step, const StepContext& context) -> const std::byte* {
    const Parameters& parameters = compiled.steps[step].parameters;
    if (!parameters.pack) return nullptr;
    std::byte* to = context.bytes(parameters.buffer);
    parameters.pack(weights, to);
    return to;
  };
  return run(arenas, input, observer, pack);
}

Program::Program(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Program::Program(Program&&) noexcept = default;
Program& Program::operator=(Program&&) noexcept = default;
Program::~Program() = default;

Program Program::compile(const Graph& graph, const RuntimeOptions& options) {
  if (graph.nodes().empty() || !std::holds_alternative<Placeholder>(graph.node(0).op)) {
    throw UsageError("graph", "expected the graph of a trace, which begins with its input");
  }
  return Program(std::make_shared<const Impl>(graph, options));
}

const std::vector<Kernel>& Program::kernels() const { return impl_->compiled.kernels; }

std::vector<Tensor> Program::run(const Graph& weights, const Tensor& input,
                                 const Observer& observer) const {
  if (observer && impl_->fused) {
    throw UsageError("observer", "expected an unfused program: a fused one has no single nodes");
  }
  return impl_->run({weights}, input, observer);
}

std::vector<Tensor> Program::run_rounded(const Graph& weights, const Graph& like,
                                         const Tensor& input) const {
  impl_->require_equal(like);
  return impl_->run({weights, &like}, input, {});
}

struct BoundProgram::Impl {
  Impl(std::shared_ptr<const Program::Impl> compiled_program, const Graph& weights)
      : program(std::move(compiled_program)), arenas(plan_bound_arena(program->compiled)) {
    std::size_t bytes = 0;
    for (const Step& step : program->compiled.steps) {
      offsets.push_back(bytes);
      bytes += (step.parameters.bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
    }
    parameters = AlignedBuffer(bytes);
    const ThreadCount scope(program->threads);
    for (std::size_t i = 0; i < offsets.size(); ++i) {
      const auto& pack = program->compiled.steps[i].parameters.pack;
      if (pack) pack({weights}, parameters.data() + offsets[i]);
    }
  }

  std::shared_ptr<const Program::Impl> program;
  ArenaPool arenas;
  std::vector<std::size_t> offsets;  ///< of each step's parameters
  AlignedBuffer parameters;
};

BoundProgram::BoundProgram(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
BoundProgram::BoundProgram(BoundProgram&&) noexcept = default;
BoundProgram& BoundProgram::operator=(BoundProgram&&) noexcept = default;
BoundProgram::~BoundProgram() = default;

BoundProgram Program::bind(const Graph& weights) const {
  impl_->require_equal(weights);
  return BoundProgram(std::make_unique<const BoundProgram::Impl>(impl_, weights));
}

std::vector<Tensor> BoundProgram::run(const Tensor& input) const {
  const auto packed = [this](std::size_t step, const StepContext&) -> const std::byte* {
    return impl_->parameters.data() + impl_->offsets[step];
  };
  return impl_->program->run(impl_->arenas, input, {}, packed);
}

}  // namespace weightlift
