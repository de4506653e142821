#include "weightlift/nn/module.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/refusal.h"
#include "weightlift/base/message.h"
#include "weightlift/models/resnet/resnet.h"
#include "weightlift/nn/layers.h"

namespace weightlift {
namespace {

using ::testing::HasSubstr;
using testing::refusal;

ResNetConfig resnet50() {
  ResNetConfig config;
  config.num_labels = 1000;
  return config;
}

TEST(TimmResNetTest, HasTheTensorsOfTimmsResNet50) {
  const auto model = make_timm_resnet(resnet50());
  EXPECT_EQ(model->slots().size(), 320U);
  EXPECT_EQ(model->slots().front().name, "conv1.weight");
}

TEST(HfResNetTest, HasTheTensorsOfTransformersResNet50) {
  const auto model = make_hf_resnet(resnet50());
  EXPECT_EQ(model->slots().size(), 320U);
  EXPECT_EQ(model->slots().back().name, "classifier.1.bias");
}

TEST(GraphTest, BothResNetsRecordTheSameOperations) {
  const auto timm = make_timm_resnet(resnet50());
  const auto hf = make_hf_resnet(resnet50());
  const Graph a = trace(*timm, {1, 3, 224, 224});
  const Graph b = trace(*hf, {1, 3, 224, 224});
  EXPECT_TRUE(compare_graphs(a, b).empty());
  EXPECT_EQ(a.node(a.outputs().front()).shape, (Shape{1, 1000}));
}

TEST(GraphTest, FindsADifferentStridePlacement) {
  ResNetConfig early = resnet50();
  early.downsample_in_bottleneck = true;
  const auto a = make_timm_resnet(resnet50());
  const auto b = make_hf_resnet(early);
  const auto differences = compare_graphs(trace(*a, {1, 3, 224, 224}), trace(*b, {1, 3, 224, 224}));
  ASSERT_FALSE(differences.empty());
  EXPECT_EQ(differences.front().b,
            "resnet.encoder.stages.1.layers.0.layer.0.convolution: Conv2d(256, 128, kernel_size=1, "
            "stride=2, padding=0, bias=False) -> [1, 128, 28, 28]");
}

TEST(GraphTest, ThreadsTraceOneNetworkAtOnce) {
  const std::unique_ptr<const Module> network = make_hf_resnet(resnet50());
  const auto describe_all = [&](std::int64_t side) {
    std::vector<std::string> nodes;
    const Graph graph = trace(*network, {1, 3, side, side});
    for (const Node& node : graph.nodes()) nodes.push_back(describe(node));
    return nodes;
  };
  const std::vector<std::int64_t> sides = {32, 64, 96, 128};
  std::vector<std::vector<std::string>> expected;
  for (const std::int64_t side : sides) expected.push_back(describe_all(side));
  for (int round = 0; round < 8; ++round) {
    std::vector<std::future<std::vector<std::string>>> traced;
    for (const std::int64_t side : sides) {
      traced.push_back(std::async(std::launch::async, describe_all, side));
    }
    auto listed = std::async(std::launch::async, [&] { return network->state_dict().size(); });
    for (std::size_t i = 0; i < sides.size(); ++i) EXPECT_EQ(traced[i].get(), expected[i]);
    EXPECT_EQ(listed.get(), network->slots().size());
  }
}

TEST(GraphTest, PathsBeginAtTheTracedModule) {
  const std::unique_ptr<const Module> network = make_hf_resnet(resnet50());
  for (const auto& [path, module] : network->named_modules()) {
    if (path != "resnet.encoder.stages.1.layers.0") continue;
    const Graph graph = trace(*module, {1, 256, 56, 56});
    EXPECT_EQ(graph.nodes().at(1).path, "layer.0.convolution");
    const Graph whole = trace(*network, {1, 3, 224, 224});  // unchanged by the part's trace
    EXPECT_EQ(whole.nodes().at(1).path, "resnet.embedder.embedder.convolution");
    return;
  }
  FAIL() << "no such module";
}

TEST(ModuleTest, ABareLeafNamesItsTensorsWithoutAPath) {
  const Linear layer({.in_features = 4, .out_features = 2});
  EXPECT_EQ(layer.slots().front().name, "weight");
  EXPECT_EQ(layer.own_slots().back().name, "bias");
  EXPECT_EQ(trace(layer, {1, 4}).nodes().at(1).path, "");
}

TEST(GraphTest, RefusesWhatItDoesNotHold) {
  Graph graph;
  Graph other;
  const Value x = graph.record(Placeholder{}, {}, {1, 3}, nullptr);
  const Value y = other.record(Placeholder{}, {}, {1, 3}, nullptr);
  EXPECT_EQ(refusal<UsageError>([&] { graph.node(1); }),
            "node: the graph has 1 nodes, got the id 1");
  EXPECT_EQ(refusal<UsageError>([&] {
              graph.record(AddOptions{}, {0, 7}, {1, 3}, nullptr);
            }),
            "node: the graph has 1 nodes, got the id 7");
  EXPECT_EQ(refusal<UsageError>([&] { add(x, y); }), "add: the values are of two graphs");
  EXPECT_EQ(refusal<UsageError>([&] { mul(x, y); }), "mul: the values are of two graphs");
  EXPECT_EQ(refusal<UsageError>([&] { graph.mark_output(y, "y"); }),
            "output: the value is of another graph");
}

TEST(MulTest, RecordsAValueTimesItsGate) {
  Graph graph;
  const Value x = graph.record(Placeholder{}, {}, {2, 3, 5, 7}, nullptr);
  const Value gate = graph.record(AdaptiveAvgPool2dOptions{}, {x.node}, {2, 3, 1, 1}, nullptr);
  const Node& node = graph.node(mul(x, gate).node);
  EXPECT_EQ(node.inputs, (std::vector<NodeId>{x.node, gate.node}));
  EXPECT_EQ(describe(node), "(model): mul() -> [2, 3, 5, 7]");
  EXPECT_NE(node.op, Op(AddOptions{}));
}

TEST(MulTest, RefusesAGateOfAnotherShape) {
  Graph graph;
  const auto value = [&](Shape shape) {
    return graph.record(Placeholder{}, {}, std::move(shape), nullptr);
  };
  const Value x = value({2, 3, 5, 7});
  EXPECT_EQ(refusal<MismatchError>([&] {
              mul(x, value({2, 3}));
            }),
            "mul: expected (N, C, H, W) and a gate (N, C, 1, 1), got [2, 3, 5, 7] and [2, 3]");
  for (const Shape& shape : {Shape{1, 3, 1, 1}, {2, 1, 1, 1}, {2, 3, 5, 7}, {2, 3, 1, 7}}) {
    EXPECT_THAT(refusal<MismatchError>([&] { mul(x, value(shape)); }),
                HasSubstr("mul: expected (N, C, H, W)"));
  }
  EXPECT_THAT(refusal<MismatchError>([&] {
                const Value flat = value({2, 3});
                mul(flat, flat);
              }),
              HasSubstr("got [2, 3] and [2, 3]"));
}

TEST(GraphTest, RefusesImpossibleShapes) {
  const std::unique_ptr<const Module> network = make_timm_resnet(resnet50());
  for (const Shape& shape : {Shape{1, 3, -1, 224}, Shape{1, 3, INT64_MAX, INT64_MAX}}) {
    EXPECT_THAT(refusal<MismatchError>([&] { trace(*network, shape); }),
                HasSubstr("placeholder: shape ["));
  }
  EXPECT_EQ(refusal<MismatchError>([] { trace(Flatten(), {}); }),
            "Flatten: expected an input (N, ...), got []");
  const MaxPool2d pool({.kernel_size = 3, .stride = 2, .padding = 1});
  EXPECT_THAT(refusal<MismatchError>([&] {
                trace(pool, {1, 1, INT64_MAX, 1});
              }),
              HasSubstr("MaxPool2d: expected at least 3 pixels"));
}

TEST(LayersTest, RefuseArgumentsThatTorchRefuses) {
  const auto of_conv = [](const Conv2dOptions& options) {
    return refusal<UsageError>([&] { Conv2d layer(options); });
  };
  const Conv2dOptions good{.in_channels = 4, .out_channels = 8, .kernel_size = 3};
  EXPECT_EQ(of_conv(good), "accepted");
  Conv2dOptions bad = good;
  bad.groups = 0;
  EXPECT_EQ(of_conv(bad), "Conv2d: groups: expected 1 to 2147483647, got 0");
  bad.groups = 3;
  EXPECT_EQ(of_conv(bad), "Conv2d: groups: 3 does not divide 4 and 8 channels");
  bad = good;
  bad.stride = 0;
  EXPECT_THAT(of_conv(bad), HasSubstr("stride: expected 1 to"));
  bad = good;
  bad.padding = -1;
  EXPECT_THAT(of_conv(bad), HasSubstr("padding: expected 0 to"));
  bad = good;
  bad.dilation = std::int64_t{1} << 40;
  EXPECT_THAT(of_conv(bad), HasSubstr("dilation: expected 1 to"));
  EXPECT_THAT(refusal<UsageError>([] { MaxPool2d({.kernel_size = 2, .stride = 0}); }),
              HasSubstr("MaxPool2d: stride: expected 1 to"));
  EXPECT_THAT(refusal<UsageError>([] { Linear({.in_features = 0, .out_features = 1}); }),
              HasSubstr("Linear: in_features"));
  EXPECT_THAT(refusal<UsageError>([] { BatchNorm2d(-1); }), HasSubstr("num_features"));
}

}  // namespace
}  // namespace weightlift
