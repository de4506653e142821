/// Compares every kind of layer with torch's outputs in tests/data/layers.safetensors.

#include <gtest/gtest.h>

#include <string>

#include "tests/support/distance.h"
#include "tests/support/net.h"
#include "weightlift/checkpoint/safetensors.h"
#include "weightlift/runtime/program.h"

namespace weightlift {
namespace {

using weightlift::testing::Net;

const StateDict& goldens() {
  static const StateDict tensors =
      load_safetensors(MappedFile::open(WEIGHTLIFT_TEST_DATA "/layers.safetensors")).tensors;
  return tensors;
}

/// Adds the layer whose kind is the prefix of the case's name.
void add_layer(Net& net, const std::string& name) {
  const auto option = [&](std::size_t i) {
    const Tensor options = goldens().at(name + ".options").aligned();
    return options.data<std::int64_t>()[i];
  };
  Module* layer = nullptr;
  if (name.starts_with("conv_")) {
    layer =
        &net.add<Conv2d>("layer", Conv2dOptions{option(0), option(1), option(2), option(3),
                                                option(4), option(5), option(6), option(7) != 0});
  } else if (name == "batch_norm") {
    layer = &net.add<BatchNorm2d>("layer", 12);
  } else if (name.starts_with("max_pool_")) {
    layer = &net.add<MaxPool2d>("layer", MaxPool2dOptions{option(0), option(1), option(2)});
  } else if (name == "avg_pool") {
    layer = &net.add<AdaptiveAvgPool2d>("layer");
  } else if (name.starts_with("linear_")) {
    layer = &net.add<Linear>("layer", LinearOptions{option(0), option(1), option(2) != 0});
  } else {
    for (int i = 0; i <= static_cast<int>(Activation::kLinear); ++i) {
      const auto function = static_cast<Activation>(i);
      if (name != "activation_" + std::string(to_string(function))) continue;
      layer = &net.add<ActivationLayer>("layer", function);
    }
  }
  ASSERT_NE(layer, nullptr) << name;
  net.body = [layer](Value x) { return (*layer)(x); };
  StateDict state;
  for (const Module::Slot& slot : net.slots()) {
    state.insert(slot.name, goldens().at(name + slot.name.substr(slot.name.find('.'))));
  }
  net.load_state_dict(state);
}

/// Returns the largest difference from torch in units of the largest output.
double distance(const std::string& name, const RuntimeOptions& options) {
  Net net;
  add_layer(net, name);
  const Tensor input = goldens().at(name + ".input");
  const Graph graph = trace(net, input.shape());
  const auto outputs = Program::compile(graph, options).run(graph, input);
  const Tensor expected = goldens().at(name + ".output").aligned();
  EXPECT_EQ(outputs.at(0).shape(), expected.shape());
  return testing::relative_distance(outputs[0], expected);
}

class LayerTest : public ::testing::TestWithParam<std::string> {};

TEST_P(LayerTest, AgreesWithTorch) {
  for (const bool fuse : {true, false}) {
    for (const int threads : {1, 2}) {
      EXPECT_LE(distance(GetParam(), {threads, fuse}), 1e-6) << fuse << " " << threads;
    }
  }
}

std::vector<std::string> case_names() {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : goldens()) {
    if (name.ends_with(".output")) names.push_back(name.substr(0, name.find('.')));
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(Torch, LayerTest, ::testing::ValuesIn(case_names()),
                         [](const auto& test) { return test.param; });

TEST(LayerGoldensTest, AreComplete) { EXPECT_GE(case_names().size(), 34U); }

TEST(Conv2dTest, DilationCountsFromOne) {
  Net net;
  auto& conv = net.add<Conv2d>(
      "conv",
      Conv2dOptions{
          .in_channels = 1, .out_channels = 1, .kernel_size = 3, .dilation = 2, .bias = false});
  net.body = [&](Value x) { return conv(x); };
  conv.weight = Tensor::of({1, 1, 3, 3}, std::vector<float>(9, 1.0F));
  std::vector<float> pixels(25);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<float>(i);
  const Graph graph = trace(net, {1, 1, 5, 5});
  for (const bool fuse : {true, false}) {
    const auto outputs =
        Program::compile(graph, {1, fuse}).run(graph, Tensor::of({1, 1, 5, 5}, pixels));
    // Nine taps two pixels apart: rows 0, 2, 4 and columns 0, 2, 4.
    ASSERT_EQ(outputs.at(0).numel(), 1);
    EXPECT_EQ(outputs[0].data<float>()[0], 108);
  }
}

}  // namespace
}  // namespace weightlift
