#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/blank_networks.h"
#include "weightlift/models/regnet/regnet.h"

namespace weightlift {
namespace {

using testing::blank_tensors;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::listed;
using testing::read_networks;

using Make = std::unique_ptr<Module> (*)(const RegNetConfig& config, Head head);

struct Tree {
  const char* name;
  Make make;
};

constexpr auto kTrees = std::to_array<Tree>({{"timm", make_timm_regnet},
                                             {"transformers", make_hf_regnet},
                                             {"torchvision", make_torchvision_regnet}});

/// The networks of regnets.txt.
RegNetConfig small(RegNetType type) {
  RegNetConfig config;
  config.layer_type = type;
  config.depths = {1, 1, 2, 1};
  config.hidden_sizes = {8, 16, 32, 64};
  config.groups_width = 8;
  config.num_labels = 3;
  return config;
}

Graph traced(const Module& network) { return trace(network, {2, 3, 40, 56}); }

TEST(RegNetTreesTest, HaveTheTensorsOfTheOriginalsInTheirOrder) {
  const auto originals = read_networks("regnets.txt");
  ASSERT_EQ(originals.size(), 6U);
  for (const RegNetType type : {RegNetType::kX, RegNetType::kY}) {
    for (const auto& [name, make] : kTrees) {
      const std::string key = std::string(name) + " " + std::string(to_string(type));
      EXPECT_EQ(listed(blank_tensors(*make(small(type), Head::kClassifier))),
                listed(originals.at(key)))
          << key;
    }
  }
}

TEST(RegNetTreesTest, RecordTheSameOperations) {
  for (const RegNetType type : {RegNetType::kX, RegNetType::kY}) {
    RegNetConfig config = small(type);
    config.hidden_act = Activation::kSilu;
    for (const bool downsample : {true, false}) {
      config.downsample_in_first_stage = downsample;
      for (const std::int64_t labels : {3, 0}) {
        config.num_labels = labels;
        for (const Head head : {Head::kClassifier, Head::kNone}) {
          const auto timm = make_timm_regnet(config, head);
          const Graph expected = traced(*timm);
          for (const auto& [name, make] : kTrees) {
            const auto network = make(config, head);
            const Graph graph = traced(*network);
            EXPECT_THAT(compare_graphs(graph, expected), IsEmpty()) << name;
            EXPECT_EQ(graph.output_names(), expected.output_names()) << name;
          }
        }
      }
    }
  }
}

TEST(RegNetTreesTest, HaveTheOutputsOfTransformers) {
  for (const auto& [name, make] : kTrees) {
    RegNetConfig config = small(RegNetType::kY);
    const auto shapes = [&, make = make](Head head) {
      const auto network = make(config, head);
      const Graph graph = traced(*network);
      std::vector<Shape> found;
      for (const NodeId id : graph.outputs()) found.push_back(graph.node(id).shape);
      return found;
    };
    EXPECT_THAT(shapes(Head::kClassifier), ElementsAre(Shape{2, 3}));
    EXPECT_THAT(shapes(Head::kNone), ElementsAre(Shape{2, 64, 2, 2}, Shape{2, 64, 1, 1}));
    config.num_labels = 0;
    EXPECT_THAT(shapes(Head::kClassifier), ElementsAre(Shape{2, 64}));
  }
}

TEST(RegNetTreesTest, SqueezeWithReluWhateverTheActivation) {
  RegNetConfig config = small(RegNetType::kY);
  config.hidden_act = Activation::kGelu;
  for (const auto& [name, make] : kTrees) {
    const auto network = make(config, Head::kClassifier);
    std::map<std::string, int> counts;
    const Graph graph = traced(*network);
    for (const Node& node : graph.nodes()) ++counts[to_string(node.op)];
    // The stem, and in each of 5 blocks two convolutions and the sum.
    EXPECT_EQ(counts["activation(gelu)"], 16) << name;
    EXPECT_EQ(counts["activation(relu)"], 5) << name;
    EXPECT_EQ(counts["activation(sigmoid)"], 5) << name;
    EXPECT_EQ(counts["mul()"], 5) << name;
  }
}

TEST(RegNetTreesTest, GroupTheMiddleConvolutions) {
  RegNetConfig config = small(RegNetType::kX);
  config.hidden_sizes = {80, 240, 720, 1920};  // regnetx_080
  config.groups_width = 120;
  const auto network = make_hf_regnet(config);
  const StateDict tensors = blank_tensors(*network);
  const auto group_width = [&](int stage) {
    const std::string name =
        "regnet.encoder.stages." + std::to_string(stage) + ".layers.0.layer.1.convolution.weight";
    return tensors.at(name).shape()[1];
  };
  EXPECT_EQ(group_width(0), 80);
  EXPECT_EQ(group_width(1), 120);
  EXPECT_EQ(group_width(3), 120);
}

}  // namespace
}  // namespace weightlift
