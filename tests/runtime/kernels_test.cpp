#include "weightlift/runtime/kernels.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "tests/support/counter_random.h"

namespace weightlift {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<float> numbers(std::int64_t count) {
  std::vector<float> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), 1.0F);
  return values;
}

std::vector<float> reblocked(const Layout& in, const std::vector<float>& input,
                             std::int64_t block) {
  const Layout out = in.with_block(block);
  std::vector<float> output(static_cast<std::size_t>(out.elements()), kNan);
  reblock(in, input.data(), out, output.data());
  return output;
}

TEST(ReblockTest, InterleavesChannelsAndPadsWithZeros) {
  const Layout plain{1, 3, 1, 2};
  EXPECT_EQ(reblocked(plain, {1, 2, 3, 4, 5, 6}, 2), (std::vector<float>{1, 3, 2, 4, 5, 0, 6, 0}));
}

TEST(ReblockTest, RestoresThePlainLayout) {
  const Layout plain{2, 21, 3, 5};
  const auto values = numbers(plain.elements());
  const auto eight = reblocked(plain, values, 8);
  EXPECT_EQ(reblocked(plain.with_block(8), eight, 1), values);
  const auto sixteen = reblocked(plain.with_block(8), eight, 16);
  EXPECT_EQ(sixteen, reblocked(plain, values, 16));
}

TEST(ReblockTest, PadsAndCutsEachGroup) {
  const Layout narrow{1, 4, 1, 2};
  const Layout wide{1, 6, 1, 2, 2};
  std::vector<float> padded(12, kNan);
  reblock(narrow, numbers(8).data(), wide, padded.data(), 2);
  EXPECT_EQ(padded, (std::vector<float>{1, 3, 2, 4, 0, 5, 0, 6, 7, 0, 8, 0}));
  std::vector<float> cut(8, kNan);
  reblock(wide, padded.data(), narrow, cut.data(), 2);
  EXPECT_EQ(cut, numbers(8));
}

TEST(ReblockTest, WholeBlocksOfSinglePixelsHaveTheSameMemory) {
  const Layout pixel{2, 48, 1, 1};
  EXPECT_TRUE(pixel.same_memory(pixel.with_block(8)));
  EXPECT_TRUE(pixel.with_block(16).same_memory(pixel.with_block(8)));
  EXPECT_EQ(reblocked(pixel, numbers(96), 8), numbers(96));
  EXPECT_FALSE(pixel.same_memory({2, 40, 1, 1}));
  EXPECT_FALSE((Layout{1, 24, 1, 1}.same_memory({1, 24, 1, 1, 16})));
  EXPECT_FALSE((Layout{1, 48, 1, 2}.same_memory({1, 48, 1, 2, 8})));
}

TEST(SubsampleTest, KeepsEveryOtherPixelOfOddAndEvenSides) {
  const Layout layout{1, 1, 3, 4};
  std::vector<float> output(4);
  subsample(layout, numbers(12).data(), 2, output.data());
  EXPECT_EQ(output, (std::vector<float>{1, 3, 9, 11}));
}

TEST(MaxPoolTest, NanIsTheMaximumAsInTorch) {
  const Layout in{1, 1, 1, 4};
  const Layout out{1, 1, 1, 2};
  std::vector<float> output(2);
  const std::vector<float> input = {kNan, 1, 2, 3};
  max_pool(in, input.data(), {.kernel_size = 3, .stride = 2, .padding = 1}, out, output.data());
  EXPECT_TRUE(std::isnan(output[0]));
  EXPECT_EQ(output[1], 3);
}

TEST(MaxPoolTest, PaddingIsNeverTheMaximum) {
  const Layout in{1, 1, 2, 2};
  std::vector<float> output(1);
  const std::vector<float> input = {-4, -3, -2, -1};
  max_pool(in, input.data(), {.kernel_size = 3, .stride = 2, .padding = 1}, {1, 1, 1, 1},
           output.data());
  EXPECT_EQ(output[0], -1);
}

TEST(MaxPoolTest, ResultsDoNotDependOnTheBlocking) {
  const Layout plain{2, 21, 7, 9};
  const Layout pooled{2, 21, 4, 5};
  const MaxPool2dOptions options{.kernel_size = 3, .stride = 2, .padding = 1};
  const Tensor tensor = testing::random_tensor(2, "x", {plain.elements()}, testing::normal(1));
  std::vector<float> values(tensor.data<float>().begin(), tensor.data<float>().end());
  const auto pool = [&](std::int64_t block) {
    const auto input = reblocked(plain, values, block);
    const Layout out = pooled.with_block(block);
    std::vector<float> output(static_cast<std::size_t>(out.elements()));
    max_pool(plain.with_block(block), input.data(), options, out, output.data());
    return reblocked(out, output, 1);
  };
  const auto expected = pool(1);
  EXPECT_EQ(pool(8), expected);
  EXPECT_EQ(pool(16), expected);
}

TEST(GlobalMeanTest, ResultsDoNotDependOnTheBlocking) {
  const Layout plain{2, 21, 7, 9};
  const Tensor tensor = testing::random_tensor(2, "x", {plain.elements()}, testing::normal(1));
  const std::vector<float> values(tensor.data<float>().begin(), tensor.data<float>().end());
  const auto mean = [&](std::int64_t block) {
    std::vector<float> means(42, kNan);
    global_mean(plain.with_block(block), reblocked(plain, values, block).data(), means.data());
    return means;
  };
  const auto expected = mean(1);
  EXPECT_NEAR(expected[0], std::accumulate(values.begin(), values.begin() + 63, 0.0) / 63, 1e-7);
  EXPECT_EQ(mean(8), expected);
  EXPECT_EQ(mean(16), expected);
}

TEST(GateChannelsTest, MultipliesEachChannelByItsGateInEveryBlocking) {
  const Layout plain{2, 21, 3, 5};
  const Layout gates{2, 21, 1, 1};
  const auto values = numbers(plain.elements());
  const auto gate = numbers(gates.elements());
  std::vector<float> expected = values;
  for (std::size_t i = 0; i < expected.size(); ++i) expected[i] *= gate[i / 15];
  for (const std::int64_t block : {1, 8, 16}) {
    std::vector<float> output = reblocked(plain, values, block);
    gate_channels(plain.with_block(block), output.data(), reblocked(gates, gate, block).data(),
                  output.data());
    EXPECT_EQ(reblocked(plain.with_block(block), output, 1), expected) << block;
  }
}

TEST(GateChannelsTest, NanAndInfinityPropagateAsInTorch) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<float> input = {1, 0, kInfinity, kNan, -2, 0};
  std::vector<float> output(6);
  gate_channels({1, 3, 1, 2}, input.data(), std::vector<float>{kInfinity, 0, kNan}.data(),
                output.data());
  EXPECT_EQ(output[0], kInfinity);
  for (std::size_t i = 1; i < output.size(); ++i) EXPECT_TRUE(std::isnan(output[i])) << i;
}

TEST(ActivateTest, NanStaysNan) {
  for (int i = 0; i <= static_cast<int>(Activation::kLinear); ++i) {
    float output = 0;
    activate(static_cast<Activation>(i), 1, &kNan, &output);
    EXPECT_TRUE(std::isnan(output)) << to_string(static_cast<Activation>(i));
  }
}

TEST(KernelsTest, ResultsDoNotDependOnTheNumberOfThreads) {
  const Layout layout{2, 24, 31, 17, 8};
  const Tensor input = testing::random_tensor(1, "x", {layout.elements()}, testing::normal(1));
  const auto run = [&](int threads) {
    const int before = omp_get_max_threads();
    omp_set_num_threads(threads);
    std::vector<float> means(48);
    global_mean(layout, input.data<float>().data(), means.data());
    omp_set_num_threads(before);
    return means;
  };
  EXPECT_EQ(run(1), run(2));
  EXPECT_EQ(run(1), run(5));
}

}  // namespace
}  // namespace weightlift
