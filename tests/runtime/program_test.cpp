#include "weightlift/runtime/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <future>
#include <optional>
#include <stdexcept>
#include <string>

#include "tests/support/counter_random.h"
#include "tests/support/distance.h"
#include "tests/support/net.h"
#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/models/resnet/resnet.h"
#include "weightlift/tensor/convert.h"

namespace weightlift {
namespace {

using ::testing::HasSubstr;
using weightlift::testing::Net;
using weightlift::testing::relative_distance;
using weightlift::testing::TempDir;

const Shape kImage = {1, 3, 50, 43};
constexpr RuntimeOptions kFused = {2, true};
constexpr RuntimeOptions kUnfused = {2, false};

ResNetConfig small(LayerType type, Activation act = Activation::kRelu) {
  ResNetConfig config;
  config.embedding_size = 12;
  config.hidden_sizes = {24, 32, 40};
  config.depths = {2, 1, 2};
  config.layer_type = type;
  config.hidden_act = act;
  config.num_labels = 7;
  return config;
}

std::unique_ptr<Module> filled(std::unique_ptr<Module> model, LayerType type) {
  model->load_state_dict(testing::random_resnet(*model, 5, type == LayerType::kBottleneck));
  return model;
}

std::unique_ptr<Module> small_model(LayerType type, Head head = Head::kClassifier) {
  return filled(make_timm_resnet(small(type), head), type);
}

Tensor image(const Shape& shape = kImage) {
  return testing::random_tensor(5, "image", shape, testing::normal(1));
}

Tensor run_once(const Graph& graph, const Tensor& input, const RuntimeOptions& options) {
  return Program::compile(graph, options).run(graph, input).at(0);
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && std::ranges::equal(a.bytes(), b.bytes());
}

std::string mismatch(const std::function<void()>& action) {
  return testing::refusal<MismatchError>(action);
}

TEST(ProgramTest, RunsMayOverlap) {
  const auto model = small_model(LayerType::kBottleneck);
  const Graph graph = trace(*model, kImage);
  const Program program = Program::compile(graph, {1, true});
  const Tensor expected = program.run(graph, image()).at(0);
  const auto repeat = [&] {
    int equal = 0;
    for (int i = 0; i < 20; ++i) {
      equal += same_bits(program.run(graph, image()).at(0), expected) ? 1 : 0;
    }
    return equal;
  };
  auto other = std::async(std::launch::async, repeat);
  EXPECT_EQ(repeat(), 20);
  EXPECT_EQ(other.get(), 20);
}

TEST(ProgramTest, FusedIsCloseToUnfused) {
  for (const LayerType type : {LayerType::kBasic, LayerType::kBottleneck}) {
    for (const Shape& shape : {kImage, Shape{3, 3, 32, 32}}) {
      const auto model = small_model(type);
      const Graph graph = trace(*model, shape);
      EXPECT_LE(relative_distance(run_once(graph, image(shape), kFused),
                                  run_once(graph, image(shape), kUnfused)),
                2e-6)
          << to_string(type) << to_string(shape);
    }
  }
}

TEST(ProgramTest, FusesAroundActivationsThatItCannotFuse) {
  for (int i = 0; i <= static_cast<int>(Activation::kLinear); ++i) {
    const auto config = small(LayerType::kBottleneck, static_cast<Activation>(i));
    const auto model = filled(make_hf_resnet(config), config.layer_type);
    const Graph graph = trace(*model, kImage);
    EXPECT_LE(
        relative_distance(run_once(graph, image(), kFused), run_once(graph, image(), kUnfused)),
        2e-6)
        << to_string(config.hidden_act);
  }
}

TEST(ProgramTest, FusedGroupsAreCloseToUnfused) {
  // Groups of whole channel blocks, groups of other sizes, and depthwise convolutions.
  for (const auto& [channels, groups] :
       {std::pair(64, 8), {64, 4}, {48, 2}, {12, 3}, {10, 2}, {64, 64}, {20, 20}}) {
    Net net;
    auto& conv = net.add<Conv2d>("conv", Conv2dOptions{.in_channels = channels,
                                                       .out_channels = channels,
                                                       .kernel_size = 3,
                                                       .padding = 1,
                                                       .groups = groups});
    auto& act = net.add<ActivationLayer>("act");
    net.body = [&](Value x) { return act(conv(x)); };
    StateDict state;
    for (const auto& slot : net.slots()) {
      state.insert(slot.name,
                   testing::random_tensor(9, slot.name, slot.shape, testing::normal(0.3)));
    }
    net.load_state_dict(state);
    const Shape shape = {2, channels, 9, 7};
    const Graph graph = trace(net, shape);
    EXPECT_LE(relative_distance(run_once(graph, image(shape), kFused),
                                run_once(graph, image(shape), kUnfused)),
              1e-6)
        << channels << "/" << groups;
  }
}

TEST(ProgramTest, SameInputAndThreadsGiveTheSameBits) {
  const auto model = small_model(LayerType::kBottleneck);
  const Graph graph = trace(*model, kImage);
  for (const bool fuse : {true, false}) {
    const Program program = Program::compile(graph, {2, fuse});
    const Tensor first = program.run(graph, image()).at(0);
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(same_bits(program.run(graph, image()).at(0), first));
    EXPECT_TRUE(same_bits(run_once(graph, image(), {2, fuse}), first));
  }
}

TEST(ProgramTest, TwoNetworksOfOneGraphShareAProgram) {
  const auto timm = small_model(LayerType::kBasic);
  const auto hf = make_hf_resnet(small(LayerType::kBasic));
  // Pairs tensors in execution order: the names differ, the graphs do not.
  const Graph source = trace(*timm, kImage);
  const Graph target = trace(*hf, kImage);
  StateDict tensors;
  for (NodeId id = 0; id < source.nodes().size(); ++id) {
    if (source.node(id).module == nullptr) continue;
    for (const auto& slot : target.node(id).module->own_slots()) {
      tensors.insert(join_path(target.node(id).path, slot.name),
                     *source.node(id).module->own(slot.name));
    }
  }
  hf->load_state_dict(tensors);
  const Program program = Program::compile(source, kFused);
  EXPECT_TRUE(same_bits(program.run(source, image()).at(0), program.run(target, image()).at(0)));
}

TEST(ProgramTest, AnotherWeightGivesOtherLogits) {
  const auto model = small_model(LayerType::kBasic);
  const Graph graph = trace(*model, kImage);
  const Program program = Program::compile(graph, kFused);
  const Tensor before = program.run(graph, image()).at(0);
  StateDict state;
  for (const auto& [name, tensor] : model->state_dict()) {
    state.insert(name, name == "layer3.1.bn2.bias"
                           ? testing::random_tensor(6, name, tensor.shape(), testing::normal(1))
                           : tensor);
  }
  model->load_state_dict(state);
  EXPECT_FALSE(same_bits(program.run(graph, image()).at(0), before));
}

TEST(ProgramTest, ConvertsHalfPrecisionWeightsToFloat32) {
  const auto halves = small_model(LayerType::kBottleneck);
  const auto floats = small_model(LayerType::kBottleneck);
  for (const DType dtype : {DType::F16, DType::BF16, DType::F64}) {
    StateDict half_state;
    StateDict float_state;
    for (const auto& [name, tensor] : small_model(LayerType::kBottleneck)->state_dict()) {
      const bool counter = tensor.dtype() == DType::I64;
      const Tensor half = counter ? tensor : to_dtype(tensor, dtype);
      half_state.insert(name, half);
      float_state.insert(name, counter ? tensor : to_dtype(half, DType::F32));
    }
    halves->load_state_dict(half_state);
    floats->load_state_dict(float_state);
    const Graph graph = trace(*halves, kImage);
    const Graph same = trace(*floats, kImage);
    for (const bool fuse : {true, false}) {
      EXPECT_TRUE(
          same_bits(run_once(graph, image(), {2, fuse}), run_once(same, image(), {2, fuse})))
          << to_string(dtype);
    }
  }
}

TEST(ProgramTest, RoundsWeightsAsACopyInTheOtherDtype) {
  const auto source = small_model(LayerType::kBottleneck);
  const auto other = small_model(LayerType::kBottleneck);
  const Graph graph = trace(*source, kImage);
  const Program program = Program::compile(graph, kFused);
  const Tensor exact = program.run(graph, image()).at(0);
  for (const DType dtype : {DType::F16, DType::BF16, DType::F64}) {
    // Only every other tensor changes its dtype: each is rounded as its own counterpart.
    StateDict state;
    for (const auto& [name, tensor] : source->state_dict()) {
      const bool changes = is_floating(tensor.dtype()) && state.size() % 2 == 0;
      state.insert(name, changes ? to_dtype(tensor, dtype) : tensor);
    }
    other->load_state_dict(state);
    const Graph like = trace(*other, kImage);
    const Tensor rounded = program.run_rounded(graph, like, image()).at(0);
    EXPECT_TRUE(same_bits(rounded, program.run(like, image()).at(0))) << to_string(dtype);
    EXPECT_EQ(same_bits(rounded, exact), dtype == DType::F64);
  }
  const auto basic = small_model(LayerType::kBasic);
  const Graph unlike = trace(*basic, kImage);
  EXPECT_THROW(program.run_rounded(graph, unlike, image()), MismatchError);
}

TEST(ProgramTest, ReturnsSeveralOutputsInOrder) {
  const auto model = small_model(LayerType::kBottleneck, Head::kNone);
  const Graph graph = trace(*model, kImage);
  const auto fused = Program::compile(graph, kFused).run(graph, image());
  const auto unfused = Program::compile(graph, kUnfused).run(graph, image());
  ASSERT_EQ(fused.size(), 2U);
  ASSERT_EQ(unfused.size(), 2U);
  EXPECT_EQ(fused[0].shape(), (Shape{1, 40, 4, 3}));
  EXPECT_EQ(fused[1].shape(), (Shape{1, 40, 1, 1}));
  for (std::size_t i = 0; i < 2; ++i) EXPECT_LE(relative_distance(fused[i], unfused[i]), 2e-6);
  double sum = 0;
  for (std::size_t p = 0; p < 12; ++p) sum += static_cast<double>(fused[0].data<float>()[p]);
  EXPECT_NEAR(fused[1].data<float>()[0], sum / 12, 1e-6);
}

TEST(ProgramTest, AnObserverReceivesEveryNodeOfAnUnfusedProgram) {
  const auto model = small_model(LayerType::kBasic);
  const Graph graph = trace(*model, kImage);
  std::vector<NodeId> seen;
  Tensor last;
  const auto observer = [&](NodeId node, const Tensor& output) {
    EXPECT_EQ(output.shape(), graph.node(node).shape);
    const auto values = output.data<float>();
    if (std::holds_alternative<ActivationOptions>(graph.node(node).op)) {
      EXPECT_GE(*std::ranges::min_element(values), 0.0F);
    }
    seen.push_back(node);
    last = Tensor::of(output.shape(), std::vector<float>(values.begin(), values.end()));
    return true;
  };
  const auto outputs = Program::compile(graph, kUnfused).run(graph, image(), observer);
  ASSERT_EQ(seen.size(), graph.nodes().size());
  for (NodeId id = 0; id < seen.size(); ++id) EXPECT_EQ(seen[id], id);
  EXPECT_TRUE(same_bits(outputs.at(0), last));
}

TEST(ProgramTest, AnObserverEndsTheRun) {
  const auto model = small_model(LayerType::kBasic);
  const Graph graph = trace(*model, kImage);
  std::size_t calls = 0;
  const auto outputs =
      Program::compile(graph, kUnfused).run(graph, image(), [&](NodeId, const Tensor&) {
        return ++calls < 3;
      });
  EXPECT_EQ(calls, 3U);
  EXPECT_TRUE(outputs.empty());
}

TEST(ProgramTest, AFusedProgramAcceptsNoObserver) {
  const auto model = small_model(LayerType::kBasic);
  const Graph graph = trace(*model, kImage);
  const Program program = Program::compile(graph, kFused);
  EXPECT_THROW(program.run(graph, image(), [](NodeId, const Tensor&) { return true; }), UsageError);
}

TEST(ProgramTest, RefusesAnotherGraphAndAnotherInput) {
  const auto model = small_model(LayerType::kBasic);
  const Graph graph = trace(*model, kImage);
  const Program program = Program::compile(graph, kFused);
  const auto other = small_model(LayerType::kBottleneck);
  const Graph bottleneck = trace(*other, kImage);
  EXPECT_THAT(
      mismatch([&] { program.run(bottleneck, image()); }),
      HasSubstr("expected layer1.0.conv1: Conv2d(12, 24, kernel_size=3, stride=1, padding=1, "
                "bias=False) -> [1, 24, 13, 11], got layer1.0.conv1: Conv2d(12, 6,"));
  EXPECT_THAT(mismatch([&] {
                program.run(graph, image({1, 3, 50, 44}));
              }),
              HasSubstr("input: expected F32 [1, 3, 50, 43], got F32 [1, 3, 50, 44]"));
  EXPECT_THAT(mismatch([&] { program.run(graph, to_dtype(image(), DType::F64)); }),
              HasSubstr("got F64"));
}

TEST(ProgramTest, NamesAWeightThatIsNotBound) {
  const auto model = make_timm_resnet(small(LayerType::kBasic));
  const Graph graph = trace(*model, kImage);
  const Program program = Program::compile(graph, kFused);
  EXPECT_THAT(mismatch([&] { program.run(graph, image()); }), HasSubstr("bn1.running_mean"));
}

TEST(ProgramTest, RefusesActivationsBeyondMemory) {
  Net net;
  auto& act = net.add<ActivationLayer>("act");
  net.body = [&](Value x) { return act(x); };
  const Graph graph = trace(net, {1, 3, std::int64_t{1} << 28, std::int64_t{1} << 28});
  EXPECT_THAT(
      testing::refusal<UnsupportedError>([&] { Program::compile(graph, kFused); }),
      HasSubstr("expected activations (N, C, H, W) or (N, C) that fit in memory, got [1, "));
}

TEST(ProgramTest, RestoresTheNumberOfThreads) {
  const auto model = small_model(LayerType::kBasic);
  const Graph graph = trace(*model, kImage);
  const int before = omp_get_max_threads();
  const Program program = Program::compile(graph, {before + 1, true});
  EXPECT_EQ(omp_get_max_threads(), before);
  program.run(graph, image());
  EXPECT_EQ(omp_get_max_threads(), before);
}

void expect_bits_of_program_run(const Graph& graph, const RuntimeOptions& options) {
  const Tensor input = image(graph.node(0).shape);
  const Program program = Program::compile(graph, options);
  const BoundProgram bound = program.bind(graph);
  const Tensor expected = program.run(graph, input).at(0);
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(same_bits(bound.run(input).at(0), expected))
        << to_string(input.shape()) << options.threads << options.fuse;
  }
}

TEST(BoundProgramTest, GivesTheSameBitsAsProgramRun) {
  for (const LayerType type : {LayerType::kBasic, LayerType::kBottleneck}) {
    for (const auto act : {Activation::kRelu, Activation::kGelu}) {
      const auto model = filled(make_hf_resnet(small(type, act)), type);
      for (const RuntimeOptions& options : {RuntimeOptions{1, true}, kFused, kUnfused}) {
        expect_bits_of_program_run(trace(*model, kImage), options);
        expect_bits_of_program_run(trace(*model, {3, 3, 33, 32}), options);
      }
    }
  }
}

TEST(BoundProgramTest, RunsLargeBatches) {
  const auto model = small_model(LayerType::kBottleneck);
  expect_bits_of_program_run(trace(*model, {64, 3, 32, 32}), {1, true});
}

TEST(BoundProgramTest, NeedsNeitherTheNetworkNorTheProgram) {
  auto model = small_model(LayerType::kBottleneck);
  std::optional<Graph> graph = trace(*model, kImage);
  const Tensor expected = run_once(*graph, image(), kFused);
  const BoundProgram bound = Program::compile(*graph, kFused).bind(*graph);
  graph.reset();
  model.reset();
  EXPECT_TRUE(same_bits(bound.run(image()).at(0), expected));
}

TEST(BoundProgramTest, RunsMayOverlap) {
  const auto model = small_model(LayerType::kBottleneck);
  const Graph graph = trace(*model, kImage);
  const BoundProgram bound = Program::compile(graph, {1, true}).bind(graph);
  const Tensor expected = bound.run(image()).at(0);
  const auto repeat = [&] {
    int equal = 0;
    for (int i = 0; i < 20; ++i) equal += same_bits(bound.run(image()).at(0), expected) ? 1 : 0;
    return equal;
  };
  auto other = std::async(std::launch::async, repeat);
  EXPECT_EQ(repeat(), 20);
  EXPECT_EQ(other.get(), 20);
}

/// Results for a folder of images must not depend on which images share a batch.
TEST(BoundProgramTest, AnImageHasTheSameBitsInEveryBatch) {
  for (const LayerType type : {LayerType::kBasic, LayerType::kBottleneck}) {
    const auto model = small_model(type);
    const Shape batch = {8, 3, 50, 43};
    const Graph one = trace(*model, kImage);
    const Graph many = trace(*model, batch);
    const BoundProgram single = Program::compile(one, {1, true}).bind(one);
    const BoundProgram batched = Program::compile(many, {1, true}).bind(many);
    const Tensor input = image(batch);
    const std::size_t image_bytes = input.bytes().size() / 8;
    const Tensor logits = batched.run(input).at(0);
    for (std::size_t i = 0; i < 8; ++i) {
      const auto image = input.bytes().subspan(i * image_bytes, image_bytes);
      const Tensor alone = single.run(Tensor::view(DType::F32, kImage, image, nullptr)).at(0);
      EXPECT_TRUE(std::ranges::equal(alone.bytes(), logits.bytes().subspan(i * 28, 28))) << i;
    }
  }
}

TEST(BoundProgramTest, RefusesAnotherGraphAndAnotherInput) {
  const auto model = small_model(LayerType::kBasic);
  const Graph graph = trace(*model, kImage);
  const Program program = Program::compile(graph, kFused);
  const auto other = small_model(LayerType::kBottleneck);
  const Graph bottleneck = trace(*other, kImage);
  EXPECT_THAT(mismatch([&] { program.bind(bottleneck); }), HasSubstr("node "));
  const auto unbound = make_timm_resnet(small(LayerType::kBasic));
  const Graph empty = trace(*unbound, kImage);
  EXPECT_THAT(mismatch([&] { program.bind(empty); }), HasSubstr("bn1.running_mean"));
  EXPECT_THAT(mismatch([&] {
                program.bind(graph).run(image({2, 3, 50, 43}));
              }),
              HasSubstr("input: expected F32 [1, 3, 50, 43], got F32 [2, 3, 50, 43]"));
}

/// Compares fused with unfused results of convolutions with 8 channels.
class ResidualTest : public ::testing::Test {
 protected:
  void expect_agreement(const std::function<Value(Value)>& body) {
    net_.body = body;
    StateDict state;
    for (const auto& slot : net_.slots()) {
      state.insert(slot.name,
                   testing::random_tensor(9, slot.name, slot.shape, testing::normal(0.3)));
    }
    net_.load_state_dict(state);
    const Shape shape = {1, 8, 6, 5};
    const Graph graph = trace(net_, shape);
    const auto fused = Program::compile(graph, kFused).run(graph, image(shape));
    const auto unfused = Program::compile(graph, kUnfused).run(graph, image(shape));
    ASSERT_EQ(fused.size(), unfused.size());
    for (std::size_t i = 0; i < fused.size(); ++i)
      EXPECT_LE(relative_distance(fused[i], unfused[i]), 1e-6);
  }

  static constexpr Conv2dOptions kConv = {
      .in_channels = 8, .out_channels = 8, .kernel_size = 3, .padding = 1};
  Net net_;
  Module& a_ = net_.add<Conv2d>("a", kConv);
  Module& b_ = net_.add<Conv2d>("b", kConv);
  Module& c_ = net_.add<Conv2d>("c", kConv);
};

TEST_F(ResidualTest, IsAddedInPlace) {
  expect_agreement([this](Value x) {
    const Value y = a_(x);
    return add(c_(b_(y)), y);
  });
}

TEST_F(ResidualTest, IsKeptWhereItIsReadLater) {
  expect_agreement([this](Value x) {
    const Value y = a_(x);
    return add(b_(add(c_(b_(y)), y)), y);
  });
}

TEST_F(ResidualTest, MayBeTheConvolutionsOwnInput) {
  expect_agreement([this](Value x) {
    const Value y = a_(x);
    return add(y, b_(y));
  });
}

TEST_F(ResidualTest, MayBeTheInputOfTheGraph) {
  expect_agreement([this](Value x) { return add(a_(x), x); });
}

TEST_F(ResidualTest, IsKeptWhereItIsAnOutput) {
  expect_agreement([this](Value x) {
    const Value y = a_(x);
    x.graph->mark_output(y, "y");
    const Value z = add(c_(b_(y)), y);
    x.graph->mark_output(z, "z");
    return z;
  });
}

TEST_F(ResidualTest, MayComeFromALaterBranch) {
  expect_agreement([this](Value x) {
    const Value y = a_(x);
    const Value z = b_(y);
    return add(c_(y), add(z, y));
  });
}

/// Returns the resident bytes of this process's mappings of that file.
std::size_t resident_bytes(const std::string& path) {
  std::ifstream maps("/proc/self/smaps");
  std::size_t kilobytes = 0;
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    if (line.find('-') < line.find(' ')) inside = line.ends_with(path);
    if (inside && line.starts_with("Rss:")) kilobytes += std::stoul(line.substr(4));
  }
  return kilobytes * 1024;
}

TEST(ProgramTest, ReleasesMappedWeightsAfterUse) {
  const TempDir folder;
  const Shape shape = {512, 512, 3, 3};
  const Tensor weight = testing::random_tensor(1, "w", shape, testing::normal(0.1));
  const auto bytes = weight.bytes();
  const auto path = folder / "weights";
  testing::write_file(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  const auto file = MappedFile::open(path);

  Net net;
  auto& conv = net.add<Conv2d>(
      "conv",
      Conv2dOptions{.in_channels = 512, .out_channels = 512, .kernel_size = 3, .bias = false});
  net.body = [&](Value x) { return conv(x); };
  conv.weight = Tensor::view(DType::F32, shape, file->bytes(), file);
  const Graph graph = trace(net, {1, 512, 3, 3});
  for (const bool fuse : {true, false}) {
    run_once(graph, image({1, 512, 3, 3}), {1, fuse});
    EXPECT_LE(resident_bytes(path.string()), std::size_t{1} << 20U);
  }
}

TEST(ProgramTest, RefusesAGraphWithoutInput) {
  EXPECT_EQ(testing::refusal<UsageError>([] { Program::compile({}, kFused); }),
            "graph: expected the graph of a trace, which begins with its input");
}

}  // namespace
}  // namespace weightlift
