/// Tests which of oneDNN's implementations compute the convolutions. CMakeLists.txt also runs them
/// with several values of ONEDNN_MAX_CPU_ISA.

#include "weightlift/runtime/onednn.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iterator>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "tests/support/refusal.h"
#include "tests/support/resnets.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint/safetensors.h"
#include "weightlift/models/resnet/infer_resnet.h"
#include "weightlift/models/resnet/resnet.h"
#include "weightlift/runtime/program.h"

namespace weightlift {
namespace {

using ::testing::HasSubstr;
using testing::refusal;

bool over_matrix_products(const std::string& kernel) {
  return kernel.find("gemm") != std::string::npos;
}

bool over_reference(const std::string& kernel) {
  return kernel.find("ref") != std::string::npos || kernel.find("ncsp") != std::string::npos;
}

bool slow(const std::string& kernel) {
  return over_matrix_products(kernel) || over_reference(kernel);
}

/// Whether oneDNN computes with SSE4.1 in this process.
bool sse41() {
  const Convolution common({{.in_channels = 64, .out_channels = 64, .kernel_size = 3}, 1, 9, 9});
  return common.kernel().ends_with("sse41");
}

/// Whether oneDNN has a fast kernel for a convolution without groups. Its SSE4.1 kernels need
/// multiples of eight channels, or an image of three channels. There is no other gap.
bool has_fast_kernel(const Conv2dOptions& o) {
  if (!sse41()) return true;
  return o.out_channels % 8 == 0 && (o.in_channels % 8 == 0 || o.in_channels == 3);
}

bool is_convolution(const Node& node) { return std::holds_alternative<Conv2dOptions>(node.op); }

void expect_fast_kernels(const ResNetConfig& config, const Shape& shape) {
  const auto model = make_timm_resnet(config);
  const Graph graph = trace(*model, shape);
  for (const int threads : {1, 2}) {
    const Program program = Program::compile(graph, {threads, true});
    EXPECT_EQ(std::ssize(program.kernels()), std::ranges::count_if(graph.nodes(), is_convolution));
    for (const auto& [node, kernel] : program.kernels()) {
      const auto& options = std::get<Conv2dOptions>(graph.node(node).op);
      EXPECT_EQ(!slow(kernel), has_fast_kernel(options))
          << kernel << ": " << to_string(Op(options)) << " in a network on " << to_string(shape);
    }
  }
}

std::vector<Shape> inputs(std::int64_t channels) {
  return {{1, channels, 224, 224}, {1, channels, 225, 97},   {1, channels, 32, 32},
          {1, channels, 7, 5},     {1, channels, 800, 1333}, {4, channels, 61, 64}};
}

TEST(KernelTest, ObeysTheLimitThatTheTestWasStartedWith) {
  const char* limit = std::getenv("ONEDNN_MAX_CPU_ISA");
  if (limit != nullptr && std::string(limit) == "SSE41") {
    EXPECT_TRUE(sse41());
  }
}

TEST(KernelTest, AResNet18RunsOnFastKernels) {
  for (const Shape& shape : inputs(3)) {
    expect_fast_kernels(testing::resnet_config("resnet18"), shape);
  }
}

TEST(KernelTest, AResNet50RunsOnFastKernels) {
  for (const Shape& shape : inputs(3)) {
    expect_fast_kernels(testing::resnet_config("resnet50"), shape);
  }
}

TEST(KernelTest, ASmallNetworkRunsOnFastKernels) {
  const std::string file = WEIGHTLIFT_SOURCE_DIR "/examples/digits/model.safetensors";
  const auto config = infer_resnet_config(load_safetensors(MappedFile::open(file)).tensors, file);
  for (const Shape& shape : inputs(3)) expect_fast_kernels(config, shape);
}

TEST(KernelTest, OtherNumbersOfChannelsRunOnFastKernelsWhereOneDnnHasThem) {
  for (const LayerType type : {LayerType::kBasic, LayerType::kBottleneck}) {
    for (const std::int64_t channels : {1, 2, 3, 4, 10}) {
      ResNetConfig config;
      config.num_channels = channels;
      config.embedding_size = 20;
      config.hidden_sizes = {24, 36, 52};
      config.depths = {2, 1, 2};
      config.layer_type = type;
      for (const Shape& shape : inputs(channels)) expect_fast_kernels(config, shape);
    }
  }
}

ConvolutionDescription grouped(std::int64_t channels, std::int64_t groups) {
  return {{.in_channels = channels,
           .out_channels = channels,
           .kernel_size = 3,
           .padding = 1,
           .groups = groups},
          1,
          15,
          14};
}

TEST(KernelTest, GroupsOfAnyWidthRunOnFastKernels) {
  for (const auto& [channels, groups] :
       {std::pair(64, 8), {64, 4}, {48, 2}, {112, 14}, {128, 2}, {12, 3}, {20, 4}, {1492, 4}}) {
    EXPECT_FALSE(slow(Convolution(grouped(channels, groups)).kernel()))
        << channels << "/" << groups;
  }
}

/// The widths of a RegNet's stages, and the channels of a group: timm's configs.
struct RegNetWidths {
  std::int64_t group;
  std::array<std::int64_t, 4> stages;
};

const std::vector<RegNetWidths> kRegNets = {
    {8, {24, 56, 152, 368}},        {16, {32, 64, 160, 384}},        {16, {32, 64, 160, 400}},
    {24, {48, 96, 240, 528}},       {16, {64, 128, 288, 672}},       {24, {72, 168, 408, 912}},
    {48, {96, 192, 432, 1008}},     {40, {80, 240, 560, 1360}},      {56, {168, 392, 784, 1624}},
    {120, {80, 240, 720, 1920}},    {112, {224, 448, 896, 2240}},    {128, {256, 512, 896, 2048}},
    {168, {336, 672, 1344, 2520}},  {8, {48, 104, 208, 440}},        {16, {48, 112, 256, 608}},
    {16, {64, 128, 320, 768}},      {16, {64, 144, 320, 784}},       {24, {48, 120, 336, 888}},
    {24, {72, 216, 576, 1512}},     {64, {128, 192, 512, 1088}},     {72, {144, 288, 576, 1296}},
    {56, {168, 448, 896, 2016}},    {56, {224, 448, 896, 2016}},     {112, {224, 448, 1232, 3024}},
    {264, {528, 1056, 2904, 7392}}, {373, {746, 1492, 4103, 10444}}, {232, {232, 696, 1392, 3712}},
    {328, {328, 984, 1968, 4920}}};

/// Checks the grouped convolutions of both strides that lead to one stage's map.
void expect_fast_groups(std::int64_t width, std::int64_t group, std::int64_t side) {
  for (const std::int64_t stride : {1, 2}) {
    ConvolutionDescription d = grouped(width, std::max<std::int64_t>(width / group, 1));
    d.options.stride = stride;
    d.h = d.w = side * stride;
    d.relu = true;
    for (const bool plain : {false, true}) {
      d.plain = plain;
      const std::string kernel = Convolution(d).kernel();
      EXPECT_FALSE(plain ? over_reference(kernel) : slow(kernel))
          << kernel << ": " << to_string(Op(d.options)) << " on " << d.h << " pixels, " << plain;
    }
  }
}

TEST(KernelTest, TheGroupedConvolutionsOfRegNetsRunOnFastKernels) {
  for (const RegNetWidths& network : kRegNets) {
    for (const std::int64_t side : {224, 288}) {
      for (std::size_t stage = 0; stage < network.stages.size(); ++stage) {
        expect_fast_groups(network.stages[stage], network.group, side >> (stage + 2));
      }
    }
  }
}

TEST(KernelTest, TheGatesOfRegNetsNeverRunOnReferenceKernels) {
  for (const RegNetWidths& network : kRegNets) {
    for (const std::int64_t width : network.stages) {
      for (const auto& [in, out] : {std::pair(width, width / 4), {width / 4, width}}) {
        const Conv2dOptions options{.in_channels = in, .out_channels = out, .kernel_size = 1};
        const std::string kernel = Convolution({options, 1, 1, 1}).kernel();
        EXPECT_FALSE(over_reference(kernel)) << kernel << ": " << to_string(Op(options));
        EXPECT_EQ(!slow(kernel), has_fast_kernel(options))
            << kernel << ": " << to_string(Op(options));
      }
    }
  }
}

TEST(KernelTest, DepthwiseConvolutionsRunOnFastKernels) {
  for (const std::int64_t channels : {16, 64, 96}) {
    EXPECT_FALSE(slow(Convolution(grouped(channels, channels)).kernel())) << channels;
  }
}

TEST(KernelTest, RowMajorConvolutionsNeverRunOnReferenceKernels) {
  for (const char* name : {"resnet18", "resnet50"}) {
    const auto model = make_timm_resnet(testing::resnet_config(name));
    const Graph graph = trace(*model, {1, 3, 224, 224});
    const Program program = Program::compile(graph, {2, false});
    for (const auto& [node, kernel] : program.kernels()) {
      EXPECT_FALSE(over_reference(kernel)) << kernel << ": " << graph.node(node).path;
    }
  }
}

TEST(ConvolutionTest, RefusesAnInputSmallerThanTheKernel) {
  const ConvolutionDescription description{
      {.in_channels = 8, .out_channels = 8, .kernel_size = 7}, 1, 3, 9};
  EXPECT_THAT(refusal<UnsupportedError>([&] { const Convolution convolution(description); }),
              HasSubstr("oneDNN cannot convolve an input of shape [1, 8, 3, 9]: "));
}

}  // namespace
}  // namespace weightlift
