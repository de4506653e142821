// What a forward pass of a ResNet costs: making the program, its first run, and each later one.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "tests/support/counter_random.h"
#include "tests/support/resnets.h"
#include "weightlift/models/resnet.h"
#include "weightlift/runtime/program.h"

namespace weightlift {
namespace {

constexpr std::uint64_t kSeed = 7;
const Shape kInput = {1, 3, 224, 224};

struct Network {
  std::unique_ptr<Module> module;
  Graph graph;
};

/// With generated weights, made once per name.
const Network& network(const std::string& name) {
  static std::map<std::string, Network> networks;
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

void bound_forward(benchmark::State& state, const std::string& name) {
  const Graph& graph = network(name).graph;
  const Tensor input = make_input();
  const BoundProgram bound = Program::compile(graph, options(state)).bind(graph);
  benchmark::DoNotOptimize(bound.run(input));
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(bound.run(input));
}

void with_threads(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("threads")->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
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
BENCHMARK_CAPTURE(bound_forward, resnet18, "resnet18")->Apply(with_threads);
BENCHMARK_CAPTURE(bound_forward, resnet50, "resnet50")->Apply(with_threads);
BENCHMARK_CAPTURE(bound_forward, resnet152, "resnet152")->Apply(with_threads);

}  // namespace
}  // namespace weightlift
