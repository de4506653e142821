#include "weightlift/nn/module.h"

#include <gtest/gtest.h>

#include "weightlift/models/resnet.h"

namespace weightlift {
namespace {

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

}  // namespace
}  // namespace weightlift
