/// Compares the six networks at full size with torch in float64: tests/data/logits.safetensors.
/// Weights and inputs come from counter_random.h on both sides.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "tests/support/counter_random.h"
#include "tests/support/distance.h"
#include "tests/support/resnets.h"
#include "weightlift/checkpoint/safetensors.h"
#include "weightlift/models/resnet/resnet.h"
#include "weightlift/runtime/program.h"

namespace weightlift {
namespace {

constexpr std::uint64_t kSeed = 7;

class LogitsTest : public ::testing::TestWithParam<std::string> {};

TEST_P(LogitsTest, AreAsCloseToFloat64AsTorchsFloat32) {
  const StateDict goldens =
      load_safetensors(MappedFile::open(WEIGHTLIFT_TEST_DATA "/logits.safetensors")).tensors;
  const ResNetConfig config = testing::resnet_config(GetParam());
  const auto model = make_timm_resnet(config);
  model->load_state_dict(
      testing::random_resnet(*model, kSeed, config.layer_type == LayerType::kBottleneck));
  constexpr std::array<std::pair<int, int>, 3> kSizes = {{{224, 224}, {161, 193}, {97, 225}}};
  for (const auto& [height, width] : kSizes) {
    const std::string size = fmt::format("{}x{}", height, width);
    const Shape shape = {1, 3, height, width};
    const Tensor input = testing::random_tensor(kSeed, "input." + size, shape, testing::normal(1));
    const Graph graph = trace(*model, shape);
    const std::string key = GetParam() + "." + size;
    const Tensor exact = goldens.at(key + ".logits").aligned();
    const Tensor torchs = goldens.at(key + ".float32_distance").aligned();
    for (const bool fuse : {true, false}) {
      const auto outputs = Program::compile(graph, {2, fuse}).run(graph, input);
      const double distance =
          testing::max_distance(outputs.at(0).data<float>(), exact.data<double>());
      EXPECT_LE(distance, 2 * torchs.data<double>()[0]) << key << (fuse ? " fused" : " unfused");
      fmt::print("{} {}: {:.2e}, torch's float32 {:.2e}\n", key, fuse ? "fused" : "unfused",
                 distance, torchs.data<double>()[0]);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Torch, LogitsTest,
                         ::testing::Values("resnet18", "resnet26", "resnet34", "resnet50",
                                           "resnet101", "resnet152"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace weightlift
