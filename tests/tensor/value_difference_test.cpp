#include <gtest/gtest.h>

#include <limits>

#include "tests/support/refusal.h"
#include "weightlift/base/message.h"
#include "weightlift/tensor.h"
#include "weightlift/tensor/convert.h"

namespace weightlift {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

Tensor floats(std::vector<float> values) {
  const auto size = static_cast<std::int64_t>(values.size());
  return Tensor::of<float>({size}, std::move(values));
}

template <class T>
Tensor raw(DType dtype, const std::vector<T>& values) {
  auto owner = std::make_shared<const std::vector<T>>(values);
  const auto bytes = std::as_bytes(std::span(*owner));
  const auto size = static_cast<std::int64_t>(values.size());
  return Tensor::view(dtype, {size}, bytes, std::move(owner));
}

ValueDifference found(const Tensor& a, const Tensor& b) { return value_difference(a, b).value(); }

TEST(ValueDifferenceTest, FindsTheLargestInDoublePrecision) {
  const ValueDifference difference = found(floats({1, 2, 3, 1e8F}), floats({1, 2.5F, 1, 1e8F}));
  EXPECT_EQ(difference.max_abs, 2.0);
  EXPECT_EQ(difference.max_rel, 2.0);
  EXPECT_EQ(difference.different_count, 2);
  // In float32 the difference of these two would be rounded.
  EXPECT_EQ(found(floats({16777216.0F}), floats({0.3F})).max_abs,
            16777216.0 - static_cast<double>(0.3F));
}

TEST(ValueDifferenceTest, HandlesNaNAndInfinity) {
  const ValueDifference equal = found(floats({kNan, kInf, 0.0F}), floats({-kNan, kInf, -0.0F}));
  EXPECT_EQ(equal.different_count, 0);
  EXPECT_EQ(equal.max_abs, 0.0);
  for (const float other : {1.0F, kInf}) {
    EXPECT_EQ(found(floats({kNan}), floats({other})).max_abs, kInfinity);
    EXPECT_EQ(found(floats({other}), floats({kNan})).max_rel, kInfinity);
  }
  EXPECT_EQ(found(floats({1}), floats({0})).max_rel, kInfinity);
}

TEST(ValueDifferenceTest, ComparesAcrossDTypes) {
  const Tensor a = floats({1.0F, 0.1F, -2.5F});
  EXPECT_EQ(found(a, to_dtype(a, DType::F64)).different_count, 0);
  const ValueDifference rounded = found(a, to_dtype(a, DType::F16));
  EXPECT_EQ(rounded.different_count, 1);
  EXPECT_EQ(rounded.max_abs, static_cast<double>(0.1F) - 0.0999755859375);
  EXPECT_EQ(found(raw<std::int64_t>(DType::I64, {7, -1}), floats({7, 1})).max_abs, 2.0);
}

TEST(ValueDifferenceTest, ReadsEachIntegerDType) {
  const Tensor b = floats({0, 1});
  EXPECT_EQ(found(raw<std::uint8_t>(DType::BOOL, {0, 1}), b).different_count, 0);
  EXPECT_EQ(found(raw<std::uint8_t>(DType::U8, {0, 255}), b).max_abs, 254);
  EXPECT_EQ(found(raw<std::int8_t>(DType::I8, {0, -1}), b).max_abs, 2);
  EXPECT_EQ(found(raw<std::int16_t>(DType::I16, {0, -1}), b).max_abs, 2);
  EXPECT_EQ(found(raw<std::uint16_t>(DType::U16, {0, 65535}), b).max_abs, 65534);
  EXPECT_EQ(found(raw<std::int32_t>(DType::I32, {0, -1}), b).max_abs, 2);
  EXPECT_EQ(found(raw<std::uint32_t>(DType::U32, {0, 65537}), b).max_abs, 65536);
  EXPECT_EQ(found(raw<std::uint64_t>(DType::U64, {0, 3}), b).max_abs, 2);
}

TEST(ValueDifferenceTest, ComparesTheLastOfMillions) {
  std::vector<float> values(5'000'001, 1.0F);
  const Tensor a = floats(values);
  values.back() = 3.0F;
  EXPECT_EQ(found(a, floats(values)).max_abs, 2.0);
  EXPECT_EQ(found(a, floats(values)).different_count, 1);
}

TEST(ValueDifferenceTest, ReturnsNothingForOtherDTypes) {
  const Tensor eights = raw<std::uint8_t>(DType::F8_E4M3, {0, 1});
  EXPECT_FALSE(value_difference(eights, eights).has_value());
  EXPECT_FALSE(value_difference(floats({0, 1}), eights).has_value());
}

TEST(ValueDifferenceTest, RefusesTwoShapes) {
  EXPECT_EQ(testing::refusal<MismatchError>([] {
              value_difference(floats({1}), floats({1, 2}));
            }),
            "cannot compare shapes [1] and [2]");
}

}  // namespace
}  // namespace weightlift
