/// Compares networks of grouped convolutions and gates with a plain interpreter in double.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "tests/support/counter_random.h"
#include "tests/support/distance.h"
#include "tests/support/net.h"
#include "weightlift/runtime/program.h"
#include "weightlift/tensor/convert.h"

namespace weightlift {
namespace {

using weightlift::testing::Net;

using Values = std::vector<double>;

Values own(const Node& node, const char* name) {
  const auto floats = node.module->own(name)->data<float>();
  return {floats.begin(), floats.end()};
}

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

/// Computes a graph in double, one output element after the other.
class Interpreter {
 public:
  Interpreter(const Graph& graph, const Tensor& input) : graph_(graph) {
    for (NodeId id = 0; id < graph.nodes().size(); ++id) {
      const Node& node = graph.node(id);
      if (id == 0) {
        const auto floats = input.data<float>();
        values_.emplace_back(floats.begin(), floats.end());
      } else {
        values_.push_back(std::visit([&](const auto& o) { return run(node, o); }, node.op));
      }
    }
  }

  const Values& output(std::size_t i) const { return values_[graph_.outputs().at(i)]; }

 private:
  const Values& input(const Node& node, std::size_t i = 0) const { return values_[node.inputs[i]]; }

  /// Returns an output by its element and its indices (n, c, y, x).
  template <class Function>
  static Values each(const Shape& shape, Function function) {
    Values values;
    for (std::int64_t n = 0; n < shape[0]; ++n)
      for (std::int64_t c = 0; c < shape[1]; ++c)
        for (std::int64_t y = 0; y < shape[2]; ++y)
          for (std::int64_t x = 0; x < shape[3]; ++x) values.push_back(function(n, c, y, x));
    return values;
  }

  Values run(const Node& node, const Conv2dOptions& o) const {
    const Values weight = own(node, "weight");
    const Values bias = o.bias ? own(node, "bias") : Values(index(o.out_channels), 0.0);
    const Values& in = input(node);
    const Shape& s = graph_.node(node.inputs[0]).shape;
    const std::int64_t share = o.in_channels / o.groups;
    return each(node.shape, [&](auto n, auto c, auto y, auto x) {
      double sum = bias[index(c)];
      const std::int64_t first = c / (o.out_channels / o.groups) * share;
      for (std::int64_t i = 0; i < share; ++i) {
        for (std::int64_t tap = 0; tap < o.kernel_size * o.kernel_size; ++tap) {
          const std::int64_t row = y * o.stride - o.padding + tap / o.kernel_size;
          const std::int64_t column = x * o.stride - o.padding + tap % o.kernel_size;
          if (row < 0 || row >= s[2] || column < 0 || column >= s[3]) continue;
          sum += weight[index((c * share + i) * o.kernel_size * o.kernel_size + tap)] *
                 in[index(((n * s[1] + first + i) * s[2] + row) * s[3] + column)];
        }
      }
      return sum;
    });
  }

  Values run(const Node& node, const BatchNorm2dOptions& o) const {
    const Values weight = own(node, "weight"), bias = own(node, "bias");
    const Values mean = own(node, "running_mean"), variance = own(node, "running_var");
    const double* from = input(node).data();
    return each(node.shape, [&](auto, auto channel, auto, auto) {
      const std::size_t c = index(channel);
      return (*from++ - mean[c]) / std::sqrt(variance[c] + o.eps) * weight[c] + bias[c];
    });
  }

  Values run(const Node& node, const ActivationOptions& o) const {
    Values values = input(node);
    for (double& x : values) {
      x = o.function == Activation::kSigmoid ? 1 / (1 + std::exp(-x)) : std::max(x, 0.0);
    }
    return values;
  }

  Values run(const Node& node, const AdaptiveAvgPool2dOptions&) const {
    const Shape& s = graph_.node(node.inputs[0]).shape;
    const std::int64_t pixels = s[2] * s[3];
    const double* from = input(node).data();
    return each(node.shape, [&](auto...) {
      double sum = 0;
      for (std::int64_t p = 0; p < pixels; ++p) sum += *from++;
      return sum / static_cast<double>(pixels);
    });
  }

  Values run(const Node& node, const AddOptions&) const {
    const double* a = input(node, 0).data();
    const double* b = input(node, 1).data();
    return each(node.shape, [&](auto...) { return *a++ + *b++; });
  }

  Values run(const Node& node, const MulOptions&) const {
    const double* from = input(node, 0).data();
    const Values& gate = input(node, 1);
    return each(node.shape, [&](auto n, auto c, auto, auto) {
      return *from++ * gate[index(n * node.shape[1] + c)];
    });
  }

  Values run(const Node& node, const FlattenOptions&) const { return input(node); }

  template <class Other>
  Values run(const Node& node, const Other&) const {
    ADD_FAILURE() << describe(node);
    return {};
  }

  const Graph& graph_;
  std::vector<Values> values_;
};

void fill(Module& net) { net.load_state_dict(testing::random_resnet(net, 7, false)); }

Tensor random_input(const Shape& shape) {
  return testing::random_tensor(5, "input", shape, testing::normal(1));
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && std::ranges::equal(a.bytes(), b.bytes());
}

/// Fills the network and compares every way to run it with the interpreter.
void expect_right(Net& net, const Shape& shape) {
  fill(net);
  const Graph graph = trace(net, shape);
  const Tensor input = random_input(shape);
  const Interpreter expected(graph, input);
  for (const RuntimeOptions& options :
       {RuntimeOptions{1, true}, RuntimeOptions{2, true}, RuntimeOptions{2, false}}) {
    const Program program = Program::compile(graph, options);
    const auto outputs = program.run(graph, input);
    const auto bound = program.bind(graph).run(input);
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      double largest = 0;
      for (const double y : expected.output(i)) largest = std::max(largest, std::abs(y));
      const std::span<const double> exact(expected.output(i));
      EXPECT_LE(testing::max_distance(outputs[i].data<float>(), exact) / largest, 4e-6)
          << options.threads << options.fuse << " " << to_string(shape) << " output " << i;
      EXPECT_TRUE(same_bits(outputs[i], bound[i]));
    }
  }
}

Conv2dOptions conv3x3(std::int64_t channels, std::int64_t groups, std::int64_t stride = 1) {
  return {.in_channels = channels,
          .out_channels = channels,
          .kernel_size = 3,
          .stride = stride,
          .padding = 1,
          .groups = groups,
          .bias = false};
}

Conv2dOptions conv1x1(std::int64_t in, std::int64_t out) {
  return {.in_channels = in, .out_channels = out, .kernel_size = 1};
}

TEST(GroupTest, NormalizedGroupsOfEveryWidthAreRight) {
  for (const int width : {1, 2, 3, 5, 8, 12, 16, 20, 24, 40, 48, 56, 64, 72, 80, 112, 120, 168}) {
    for (const std::int64_t stride : {1, 2}) {
      const std::int64_t channels = 2 * width;
      Net net;
      auto& conv = net.add<Conv2d>("conv", conv3x3(channels, 2, stride));
      auto& norm = net.add<BatchNorm2d>("norm", channels);
      auto& act = net.add<ActivationLayer>("act");
      net.body = [&](Value x) { return act(norm(conv(x))); };
      SCOPED_TRACE(width);
      expect_right(net, {1, channels, 4, 3});
    }
  }
}

TEST(GroupTest, GroupsMayHaveMoreOutputsThanInputs) {
  for (const auto& [in, out] : {std::pair(20, 36), {36, 20}, {16, 36}, {4, 32}, {8, 4}}) {
    Net net;
    Conv2dOptions options = conv3x3(in, 4);
    options.out_channels = out;
    options.bias = true;
    auto& conv = net.add<Conv2d>("conv", options);
    net.body = [&](Value x) { return conv(x); };
    SCOPED_TRACE(in);
    expect_right(net, {2, in, 6, 5});
  }
}

TEST(GroupTest, AResidualIsAddedToGroupsOfEveryWidth) {
  for (const std::int64_t width : {5, 8, 12, 16}) {
    Net net;
    auto& first = net.add<Conv2d>("first", conv3x3(4 * width, 4));
    auto& second = net.add<Conv2d>("second", conv3x3(4 * width, 4));
    auto& act = net.add<ActivationLayer>("act");
    net.body = [&](Value x) {
      const Value y = first(x);
      return act(add(second(y), x));
    };
    SCOPED_TRACE(width);
    expect_right(net, {2, 4 * width, 6, 5});
  }
}

TEST(GroupTest, GroupedOneByOneConvolutionsSkipPixels) {
  for (const std::int64_t width : {5, 8, 16}) {
    Net net;
    Conv2dOptions options = conv1x1(4 * width, 4 * width);
    options.stride = 2;
    options.groups = 4;
    auto& conv = net.add<Conv2d>("conv", options);
    net.body = [&](Value x) { return conv(x); };
    SCOPED_TRACE(width);
    expect_right(net, {2, 4 * width, 7, 6});
  }
}

/// The layers of squeeze-and-excitation between two convolutions.
struct GatedNet : Net {
  GatedNet(std::int64_t channels, std::int64_t reduced)
      : before(add<Conv2d>("before", conv1x1(channels, channels))),
        first(add<Conv2d>("fc1", conv1x1(channels, reduced))),
        second(add<Conv2d>("fc2", conv1x1(reduced, channels))),
        after(add<Conv2d>("after", conv1x1(channels, channels))) {}

  Value gate(Value x) const { return sigmoid(second(relu(first(pool(x))))); }
  Value gated(Value x) const { return mul(x, gate(x)); }

  Module &before, &first, &second, &after;
  Module& pool = add<AdaptiveAvgPool2d>("pool");
  Module& flatten = add<Flatten>("flatten");
  Module& relu = add<ActivationLayer>("relu");
  Module& sigmoid = add<ActivationLayer>("sigmoid", Activation::kSigmoid);
};

const std::vector<std::pair<int, int>> kGates = {{24, 8},  {48, 12}, {56, 6},   {104, 26},
                                                 {64, 16}, {21, 5},  {224, 56}, {8, 2}};

TEST(GateTest, SqueezeAndExcitationIsRight) {
  for (const auto& [channels, reduced] : kGates) {
    GatedNet net(channels, reduced);
    net.body = [&](Value x) { return net.after(net.gated(net.before(x))); };
    SCOPED_TRACE(channels);
    expect_right(net, {1, channels, 7, 5});
    expect_right(net, {3, channels, 4, 4});
    expect_right(net, {2, channels, 1, 1});
  }
}

TEST(GateTest, MayFollowAResidual) {
  GatedNet net(24, 6);
  net.body = [&](Value x) {
    const Value y = net.before(x);
    return add(net.after(net.gated(add(net.after(y), y))), y);
  };
  expect_right(net, {2, 24, 6, 5});
}

TEST(GateTest, KeepsAMapThatIsReadLater) {
  GatedNet net(24, 6);
  net.body = [&](Value x) {
    const Value y = net.before(x);
    return add(net.after(net.gated(y)), y);
  };
  expect_right(net, {2, 24, 6, 5});
}

TEST(GateTest, KeepsAMapThatIsAnOutput) {
  GatedNet net(24, 6);
  net.body = [&](Value x) {
    const Value y = net.before(x);
    x.graph->mark_output(y, "y");
    const Value flat = net.flatten(y);
    const Value z = net.gated(y);
    x.graph->mark_output(z, "z");
    x.graph->mark_output(flat, "flat");
    return z;
  };
  expect_right(net, {2, 24, 6, 5});
}

TEST(GateTest, KeepsAMapThatIsReadFlattened) {
  GatedNet net(24, 6);
  net.body = [&](Value x) {
    const Value gate = net.gate(x);
    const Value flat = net.flatten(x);
    x.graph->mark_output(mul(x, gate), "gated");
    x.graph->mark_output(flat, "flat");
    return flat;
  };
  expect_right(net, {1, 24, 6, 5});
}

TEST(GateTest, MayBeTheMapItself) {
  GatedNet net(24, 6);
  net.body = [&](Value x) {
    const Value y = net.before(x);
    return net.after(mul(y, y));
  };
  expect_right(net, {2, 24, 1, 1});
}

TEST(GateTest, WeightsAreRoundedAsACopy) {
  GatedNet net(48, 12), copy(48, 12);
  for (GatedNet* one : {&net, &copy}) {
    one->body = [one](Value x) { return one->after(one->gated(one->before(x))); };
    fill(*one);
  }
  StateDict rounded;
  for (const auto& [name, tensor] : net.state_dict()) {
    rounded.insert(name, to_dtype(tensor, DType::BF16));
  }
  copy.load_state_dict(rounded);
  const Shape shape = {1, 48, 7, 5};
  const Graph graph = trace(net, shape);
  const Graph like = trace(copy, shape);
  const Program program = Program::compile(graph, {2, true});
  EXPECT_TRUE(same_bits(program.run_rounded(graph, like, random_input(shape)).at(0),
                        program.run(like, random_input(shape)).at(0)));
}

TEST(GateTest, AnObserverReceivesTheGateAndTheProduct) {
  GatedNet net(21, 5);
  net.body = [&](Value x) { return net.after(net.gated(net.before(x))); };
  fill(net);
  const Graph graph = trace(net, {1, 21, 7, 5});
  std::vector<Tensor> seen;
  const auto observer = [&](NodeId, const Tensor& output) {
    const auto values = output.data<float>();
    seen.push_back(Tensor::of(output.shape(), std::vector<float>(values.begin(), values.end())));
    return true;
  };
  Program::compile(graph, {2, false}).run(graph, random_input({1, 21, 7, 5}), observer);
  ASSERT_EQ(seen.size(), graph.nodes().size());
  const NodeId product = graph.nodes().size() - 2;
  const auto gate = seen[product - 1].data<float>();
  const auto map = seen[1].data<float>();
  const auto products = seen[product].data<float>();
  ASSERT_EQ(products.size(), gate.size() * 35);
  for (std::size_t i = 0; i < products.size(); ++i) EXPECT_EQ(products[i], map[i] * gate[i / 35]);
}

TEST(GateTest, NanAndInfinityPropagateAsInTorch) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  GatedNet net(4, 1);
  net.body = [&](Value x) { return mul(x, net.sigmoid(net.pool(x))); };
  const Graph graph = trace(net, {1, 4, 1, 2});
  const Tensor input =
      Tensor::of({1, 4, 1, 2}, std::vector<float>{kInfinity, 1, -kInfinity, 1, kNan, 1, 0, 0});
  for (const bool fuse : {true, false}) {
    const Tensor output = Program::compile(graph, {1, fuse}).run(graph, input).at(0);
    const auto values = output.data<float>();
    EXPECT_EQ(values[0], kInfinity);
    EXPECT_EQ(values[1], 1);
    EXPECT_TRUE(std::isnan(values[2]));  // minus infinity times a gate of zero
    EXPECT_EQ(values[3], 0);
    EXPECT_TRUE(std::isnan(values[4]));
    EXPECT_TRUE(std::isnan(values[5]));
    EXPECT_EQ(values[6], 0);
  }
}

}  // namespace
}  // namespace weightlift
