// Times a forward pass of a ResNet: compiling the program, its first run, and each later one.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdint>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/counter_random.h"
#include "tests/support/resnets.h"
#include "weightlift/models/resnet/resnet.h"
#include "weightlift/runtime/program.h"

namespace weightlift {
namespace {

constexpr std::uint64_t kSeed = 7;
const Shape kInput = {1, 3, 224, 224};

struct TracedNetwork {
  std::unique_ptr<Module> module;
  Graph graph;
};

/// Returns a network with generated weights, made once per name.
const TracedNetwork& network(const std::string& name) {
  static std::map<std::string, TracedNetwork> networks;
  const auto [place, fresh] = networks.try_emplace(name);
  if (fresh) {
    const ResNetConfig config = testing::resnet_config(name);
    place->second.module = make_timm_resnet(config);
    Module& module = *place->second.module;
    const bool bottleneck = config.layer_type == LayerType::kBottleneck;
    module.load_state_dict(testing::random_resnet(module, kSeed, bottleneck));
    place->second.graph = trace(module, kInput);
  }
  return place->second;
}

RuntimeOptions options(const benchmark::State& state) {
  return {.threads = static_cast<int>(state.range(0))};
}

Tensor make_input() { return testing::random_tensor(kSeed, "input", kInput, testing::normal(1)); }

void compile(benchmark::State& state, const std::string& name) {
  const Graph& graph = network(name).graph;
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(Program::compile(graph, options(state)));
  }
}

void first_forward(benchmark::State& state, const std::string& name) {
  const Graph& graph = network(name).graph;
  const Tensor input = make_input();
  for ([[maybe_unused]] auto _ : state) {
    state.PauseTiming();
    auto program = std::make_unique<Program>(Program::compile(graph, options(state)));
    state.ResumeTiming();
    benchmark::DoNotOptimize(program->run(graph, input));
    state.PauseTiming();
    program.reset();
    state.ResumeTiming();
  }
}

void steady_forward(benchmark::State& state, const std::string& name) {
  const Graph& graph = network(name).graph;
  const Tensor input = make_input();
  const Program program = Program::compile(graph, options(state));
  benchmark::DoNotOptimize(program.run(graph, input));
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(program.run(graph, input));
}

void bind(benchmark::State& state, const std::string& name) {
  const Graph& graph = network(name).graph;
  const Program program = Program::compile(graph, options(state));
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(program.bind(graph));
}

/// Runs sixteen images with bound weights, `batch` at a time: on OpenMP's threads inside a forward
/// pass, or by `side_by_side` threads that each take the next batch.
void sixteen_images(benchmark::State& state, const std::string& name) {
  constexpr std::int64_t kImages = 16;
  const std::int64_t batch = state.range(2);
  const Shape shape = {batch, 3, 224, 224};
  const Graph graph = trace(*network(name).module, shape);
  const BoundProgram bound = Program::compile(graph, options(state)).bind(graph);
  const Tensor input = testing::random_tensor(kSeed, "input", shape, testing::normal(1));
  std::atomic<std::int64_t> taken;
  const auto work = [&] {
    while (taken.fetch_add(batch) < kImages) benchmark::DoNotOptimize(bound.run(input));
  };
  for ([[maybe_unused]] auto _ : state) {
    taken = 0;
    std::vector<std::future<void>> others;
    for (std::int64_t i = 1; i < state.range(1); ++i) {
      others.push_back(std::async(std::launch::async, work));
    }
    work();
    for (auto& other : others) other.get();
  }
  state.SetItemsProcessed(state.iterations() * kImages);
}

void with_threads(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("threads")->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
}

void with_batches(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"threads", "side_by_side", "batch"})->UseRealTime();
  benchmark->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();
  for (const int batch : {1, 4, 8}) {
    benchmark->Args({1, 1, batch})->Args({2, 1, batch})->Args({1, 2, batch});
  }
}

BENCHMARK_CAPTURE(compile, resnet18, "resnet18")->Apply(with_threads);
BENCHMARK_CAPTURE(compile, resnet50, "resnet50")->Apply(with_threads);
BENCHMARK_CAPTURE(compile, resnet152, "resnet152")->Apply(with_threads);
BENCHMARK_CAPTURE(first_forward, resnet18, "resnet18")->Apply(with_threads);
BENCHMARK_CAPTURE(first_forward, resnet50, "resnet50")->Apply(with_threads);
BENCHMARK_CAPTURE(first_forward, resnet152, "resnet152")->Apply(with_threads);
BENCHMARK_CAPTURE(steady_forward, resnet18, "resnet18")->Apply(with_threads);
BENCHMARK_CAPTURE(steady_forward, resnet50, "resnet50")->Apply(with_threads);
BENCHMARK_CAPTURE(steady_forward, resnet152, "resnet152")->Apply(with_threads);
BENCHMARK_CAPTURE(bind, resnet18, "resnet18")->Apply(with_threads);
BENCHMARK_CAPTURE(bind, resnet50, "resnet50")->Apply(with_threads);
BENCHMARK_CAPTURE(bind, resnet152, "resnet152")->Apply(with_threads);
BENCHMARK_CAPTURE(sixteen_images, resnet18, "resnet18")->Apply(with_batches);
BENCHMARK_CAPTURE(sixteen_images, resnet50, "resnet50")->Apply(with_batches);
BENCHMARK_CAPTURE(sixteen_images, resnet152, "resnet152")->Apply(with_batches);

}  // namespace
}  // namespace weightlift
