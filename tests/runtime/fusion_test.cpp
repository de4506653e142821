#include "weightlift/runtime/fusion.h"

#include <gtest/gtest.h>

#include "tests/support/net.h"
#include "weightlift/models/resnet/resnet.h"

namespace weightlift {
namespace {

using weightlift::testing::Net;

constexpr Conv2dOptions kConv = {
    .in_channels = 4, .out_channels = 4, .kernel_size = 3, .padding = 1, .bias = false};
const Shape kInput = {1, 4, 8, 8};

TEST(FusionTest, WithoutFusingThereIsOneStepPerNode) {
  const auto model = make_timm_resnet({});
  const Graph graph = trace(*model, {1, 3, 64, 64});
  const auto steps = plan_fusions(graph, false);
  ASSERT_EQ(steps.size(), graph.nodes().size());
  for (NodeId id = 0; id < steps.size(); ++id) EXPECT_EQ(steps[id].result, id);
}

TEST(FusionTest, AResNetBecomesItsConvolutionsAndItsHead) {
  const auto model = make_timm_resnet({});
  const Graph graph = trace(*model, {1, 3, 64, 64});
  std::size_t normed = 0;
  std::size_t summed = 0;
  std::size_t rectified = 0;
  const auto steps = plan_fusions(graph, true);
  for (const Fusion& step : steps) {
    normed += step.batch_norm.has_value() ? 1U : 0U;
    summed += step.residual.has_value() ? 1U : 0U;
    rectified += step.relu ? 1U : 0U;
  }
  // Placeholder, max pool, mean, flatten and the classifier stand alone.
  EXPECT_EQ(steps.size(), 53U + 5U);
  EXPECT_EQ(normed, 53U);
  EXPECT_EQ(summed, 16U);
  EXPECT_EQ(rectified, 53U - 4U);  // not the main branch where a projection joins it
}

TEST(FusionTest, TheLaterConvolutionTakesTheAddition) {
  Net net;
  auto& first = net.add<Conv2d>("first", kConv);
  auto& second = net.add<Conv2d>("second", kConv);
  net.body = [&](Value x) { return add(first(x), second(x)); };
  const auto steps = plan_fusions(trace(net, kInput), true);
  ASSERT_EQ(steps.size(), 3U);
  EXPECT_FALSE(steps[1].residual.has_value());
  EXPECT_EQ(steps[2].residual, NodeId{1});
  EXPECT_EQ(steps[2].result, NodeId{3});
}

TEST(FusionTest, AValueWithOtherReadersIsNotFusedAway) {
  Net net;
  auto& conv = net.add<Conv2d>("conv", kConv);
  auto& norm = net.add<BatchNorm2d>("norm", 4);
  auto& act = net.add<ActivationLayer>("act");
  net.body = [&](Value x) {
    const Value y = norm(conv(x));
    return add(act(y), y);
  };
  const auto steps = plan_fusions(trace(net, kInput), true);
  ASSERT_EQ(steps.size(), 4U);
  EXPECT_TRUE(steps[1].batch_norm.has_value());
  EXPECT_FALSE(steps[1].relu);
}

TEST(FusionTest, AnOutputOfTheGraphIsNotFusedAway) {
  Net net;
  auto& conv = net.add<Conv2d>("conv", kConv);
  auto& act = net.add<ActivationLayer>("act");
  net.body = [&](Value x) {
    const Value y = conv(x);
    x.graph->mark_output(y, "y");
    const Value z = act(y);
    x.graph->mark_output(z, "z");
    return z;
  };
  EXPECT_EQ(plan_fusions(trace(net, kInput), true).size(), 3U);
}

TEST(FusionTest, AValueAddedToItselfStaysAnAddition) {
  Net net;
  auto& conv = net.add<Conv2d>("conv", kConv);
  net.body = [&](Value x) {
    const Value y = conv(x);
    return add(y, y);
  };
  const auto steps = plan_fusions(trace(net, kInput), true);
  ASSERT_EQ(steps.size(), 3U);
  EXPECT_FALSE(steps[1].residual.has_value());
}

TEST(FusionTest, OtherActivationsAreSeparateSteps) {
  Net net;
  auto& conv = net.add<Conv2d>("conv", kConv);
  auto& act = net.add<ActivationLayer>("act", Activation::kGelu);
  net.body = [&](Value x) { return act(conv(x)); };
  EXPECT_EQ(plan_fusions(trace(net, kInput), true).size(), 3U);
}

}  // namespace
}  // namespace weightlift
