#include "weightlift/runtime/weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/support/counter_random.h"
#include "tests/support/net.h"
#include "weightlift/base/message.h"
#include "weightlift/tensor/convert.h"

namespace weightlift {
namespace {

using ::testing::HasSubstr;
using weightlift::testing::Net;

Tensor random_weights(const Shape& shape) {
  return testing::random_tensor(3, "weight", shape, testing::normal(1));
}

/// Packs by the definition of the layout, element by element.
std::vector<float> expected_packing(const Tensor& weight, const std::vector<double>& scale,
                                    const WeightLayout& layout) {
  const auto values = weight.data<float>();
  const Shape& s = weight.shape();
  const std::int64_t taps = s[2] * s[3];
  const std::int64_t group = s[0] / layout.groups;
  const std::int64_t group_blocks = (group + layout.out_block - 1) / layout.out_block;
  const std::int64_t out_blocks = group_blocks * layout.groups;
  const std::int64_t in_blocks = (s[1] + layout.in_block - 1) / layout.in_block;
  std::vector<float> packed(
      static_cast<std::size_t>(out_blocks * layout.out_block * in_blocks * layout.in_block * taps),
      0.0F);
  for (std::int64_t o = 0; o < s[0]; ++o) {
    for (std::int64_t i = 0; i < s[1]; ++i) {
      for (std::int64_t k = 0; k < taps; ++k) {
        const std::int64_t out = o / group * group_blocks * layout.out_block + o % group;
        const std::int64_t block = out / layout.out_block * in_blocks + i / layout.in_block;
        const std::int64_t at =
            ((block * taps + k) * layout.in_block + i % layout.in_block) * layout.out_block +
            out % layout.out_block;
        packed[static_cast<std::size_t>(at)] =
            values[static_cast<std::size_t>((o * s[1] + i) * taps + k)] *
            static_cast<float>(scale[static_cast<std::size_t>(o)]);
      }
    }
  }
  return packed;
}

std::vector<double> some_scale(std::int64_t channels) {
  std::vector<double> scale;
  for (std::int64_t c = 0; c < channels; ++c) scale.push_back(0.5 + static_cast<double>(c) / 8);
  return scale;
}

void expect_packed(const Shape& shape, const WeightLayout& layout) {
  const Tensor weight = random_weights(shape);
  const auto scale = some_scale(shape[0]);
  const auto expected = expected_packing(weight, scale, layout);
  std::vector<float> packed(expected.size(), std::numeric_limits<float>::quiet_NaN());
  pack_weights({weight, weight.dtype()}, scale, layout, packed.data());
  EXPECT_EQ(packed, expected) << to_string(shape);
}

TEST(PackWeightsTest, PacksWholeTiles) {
  expect_packed({16, 24, 3, 3}, {8, 8, false});
  expect_packed({32, 16, 3, 3}, {16, 16, false});
  expect_packed({24, 32, 1, 1}, {8, 8, false});
}

TEST(PackWeightsTest, PadsPartialTilesWithZeros) {
  expect_packed({13, 21, 3, 3}, {8, 8, false});
  expect_packed({21, 13, 1, 1}, {16, 16, false});
  expect_packed({3, 5, 5, 5}, {8, 8, false});
  expect_packed({1, 1, 1, 1}, {8, 8, false});
}

TEST(PackWeightsTest, PadsEachGroupWithZeros) {
  expect_packed({26, 13, 3, 3}, {8, 8, false, 2});
  expect_packed({60, 20, 3, 3}, {16, 16, false, 3});
  expect_packed({12, 3, 1, 1}, {8, 8, false, 4});
  expect_packed({10, 5, 3, 3}, {8, 8, false, 2});
}

TEST(PackWeightsTest, PacksStemsWithAllInputChannelsInOneTile) {
  expect_packed({64, 3, 7, 7}, {8, 3, false});
  expect_packed({20, 1, 7, 7}, {16, 1, false});
}

TEST(PackWeightsTest, PacksGroupsAndDepthwiseWeights) {
  expect_packed({32, 16, 3, 3}, {16, 16, false});
  expect_packed({24, 1, 3, 3}, {8, 1, false});
  expect_packed({20, 1, 5, 5}, {16, 1, false});
}

TEST(PackWeightsTest, ScalesRowMajorRows) {
  const Tensor weight = random_weights({2, 3, 1, 1});
  const auto values = weight.data<float>();
  std::vector<float> packed(6);
  pack_weights({weight, weight.dtype()}, {2, 1}, {}, packed.data());
  EXPECT_EQ(packed[2], 2 * values[2]);
  EXPECT_EQ(packed[3], values[3]);
}

TEST(PackWeightsTest, ConvertsOtherDtypes) {
  for (const DType dtype : {DType::F16, DType::BF16, DType::F64}) {
    const Tensor weight = to_dtype(random_weights({12, 9, 3, 3}), dtype);
    for (const WeightLayout& layout : {WeightLayout{}, WeightLayout{8, 8, false}}) {
      std::vector<float> packed(16 * 16 * 9, 0.0F);
      pack_weights({weight, weight.dtype()}, some_scale(12), layout, packed.data());
      std::vector<float> expected(packed.size(), 0.0F);
      const Tensor floats = to_dtype(weight, DType::F32);
      pack_weights({floats, DType::F32}, some_scale(12), layout, expected.data());
      EXPECT_EQ(packed, expected) << to_string(dtype);
    }
  }
}

TEST(PackWeightsTest, RoundsAsAConvertedCopy) {
  for (const DType own : {DType::F32, DType::F64, DType::F16}) {
    for (const DType dtype : {DType::F16, DType::BF16, DType::F32, DType::F64}) {
      // Rows of more elements than one step of a conversion.
      const Tensor weight = to_dtype(random_weights({12, 300, 3, 3}), own);
      const Tensor copy = to_dtype(weight, dtype);
      for (const WeightLayout& layout : {WeightLayout{}, WeightLayout{8, 8, false}}) {
        std::vector<float> packed(std::size_t{16} * 304 * 9, 0.0F);
        pack_weights({weight, dtype}, some_scale(12), layout, packed.data());
        std::vector<float> expected(packed.size(), 0.0F);
        pack_weights({copy, dtype}, some_scale(12), layout, expected.data());
        EXPECT_EQ(packed, expected) << to_string(own) << " as " << to_string(dtype);
      }
    }
  }
}

TEST(PackWeightsTest, PacksTensorsAtOddOffsets) {
  const Tensor weight = random_weights({8, 8, 1, 1});
  std::vector<std::byte> shifted(1);
  const auto bytes = weight.bytes();
  shifted.insert(shifted.end(), bytes.begin(), bytes.end());
  const Tensor odd =
      Tensor::view(DType::F32, weight.shape(), std::span(shifted).subspan(1), nullptr);
  for (const WeightLayout& layout : {WeightLayout{}, WeightLayout{8, 8, false}}) {
    std::vector<float> packed(64);
    pack_weights({odd, DType::F32}, some_scale(8), layout, packed.data());
    std::vector<float> expected(64);
    pack_weights({weight, weight.dtype()}, some_scale(8), layout, expected.data());
    EXPECT_EQ(packed, expected);
  }
}

TEST(BatchNormAffineTest, FoldsInDouble) {
  Net net;
  auto& norm = net.add<BatchNorm2d>("norm", 1, 0.25);
  net.body = [&](Value x) { return norm(x); };
  norm.weight = Tensor::of({1}, std::vector<float>{3});
  norm.bias = Tensor::of({1}, std::vector<float>{1});
  norm.running_mean = Tensor::of({1}, std::vector<float>{2});
  norm.running_var = Tensor::of({1}, std::vector<float>{2});
  const Graph graph = trace(net, {1, 1, 1, 1});
  const ChannelAffine affine = batch_norm_affine({graph}, 1);
  EXPECT_DOUBLE_EQ(affine.scale[0], 2.0);
  EXPECT_DOUBLE_EQ(affine.shift[0], -3.0);
}

TEST(ParameterTest, NamesAnUnboundTensor) {
  Net net;
  auto& norm = net.add<BatchNorm2d>("norm", 4);
  net.body = [&](Value x) { return norm(x); };
  const Graph graph = trace(net, {1, 4, 1, 1});
  try {
    batch_norm_affine({graph}, 1);
    FAIL();
  } catch (const MismatchError& error) {
    EXPECT_THAT(error.what(),
                HasSubstr("norm.running_mean: expected F32, F16, BF16 or F64 [4], got F32 [0]"));
  }
}

}  // namespace
}  // namespace weightlift
