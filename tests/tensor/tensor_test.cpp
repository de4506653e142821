#include "weightlift/tensor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "tests/support/refusal.h"
#include "weightlift/base/message.h"

namespace weightlift {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <class Call>
std::string mismatch(Call call) {
  return testing::refusal<MismatchError>(call);
}

TEST(DTypeTest, IsFoundByBothOfItsNames) {
  EXPECT_EQ(parse_torch_dtype("BF16"), std::nullopt);
  EXPECT_EQ(parse_dtype("bfloat16"), std::nullopt);
  for (int i = 0; i <= static_cast<int>(DType::U64); ++i) {
    const auto dtype = static_cast<DType>(i);
    EXPECT_EQ(parse_torch_dtype(torch_name(dtype)), dtype);
    EXPECT_EQ(parse_dtype(to_string(dtype)), dtype);
  }
}

TEST(ShapeTest, CountsElements) {
  EXPECT_EQ(numel({}), 1);
  EXPECT_EQ(numel({2, 3, 4}), 24);
  EXPECT_EQ(numel({2, 0, 4}), 0);
  EXPECT_EQ(checked_numel({2, 3, 4}), 24);
}

TEST(ShapeTest, DetectsOverflowWhereverTheZeroIs) {
  constexpr std::int64_t kLarge = std::int64_t{1} << 32U;
  for (const Shape& shape :
       {Shape{kLarge, kLarge}, Shape{0, kLarge, kLarge}, Shape{kLarge, kLarge, 0}, Shape{-1, 0}}) {
    EXPECT_EQ(checked_numel(shape), std::nullopt) << to_string(shape);
    EXPECT_EQ(mismatch([&] { (void)numel(shape); }),
              "size of " + to_string(shape) + " is out of range");
  }
  EXPECT_EQ(numel({std::numeric_limits<std::int64_t>::max()}),
            std::numeric_limits<std::int64_t>::max());
}

TEST(DTypeTest, ReadsItsOwnNames) {
  for (int i = 0; i <= static_cast<int>(DType::U64); ++i) {
    const auto dtype = static_cast<DType>(i);
    EXPECT_EQ(parse_dtype(to_string(dtype)), dtype);
  }
  EXPECT_EQ(parse_dtype("F4"), std::nullopt);
  EXPECT_EQ(parse_dtype("f32"), std::nullopt);
  EXPECT_EQ(parse_dtype(""), std::nullopt);
}

TEST(TensorTest, RefusesViewsOfTheWrongLength) {
  const auto owner = std::make_shared<const std::vector<float>>(6);
  const auto bytes = std::as_bytes(std::span(*owner));
  EXPECT_EQ(Tensor::view(DType::F32, {2, 3}, bytes, owner).numel(), 6);
  EXPECT_THAT(mismatch([&] {
                Tensor::view(DType::F32, {2, 2}, bytes, owner);
              }),
              HasSubstr("F32 [2, 2]: expected 16 bytes, got 24"));
  EXPECT_THAT(mismatch([&] {
                Tensor::view(DType::F32, {-2, -3}, bytes, owner);
              }),
              HasSubstr("size of F32 [-2, -3] is out of range"));
  EXPECT_THAT(mismatch([&] { Tensor::view(DType::F64, {std::int64_t{1} << 62U}, {}, owner); }),
              HasSubstr("size of F64 [4611686018427387904] is out of range"));
}

TEST(TensorTest, CopiesShareOneBuffer) {
  const Tensor tensor = Tensor::of<float>({2}, {1, 2});
  const Tensor copy = tensor;  // NOLINT: the copy is the point
  EXPECT_EQ(copy.bytes().data(), tensor.bytes().data());
}

TEST(TensorTest, RefusesElementsOfAnotherType) {
  const Tensor tensor = Tensor::of<float>({2}, {1, 2});
  EXPECT_THAT(mismatch([&] { (void)tensor.data<double>(); }),
              HasSubstr("expected F64 elements, got F32"));
  EXPECT_THAT(mismatch([&] { (void)tensor.data<std::int64_t>(); }),
              HasSubstr("expected I64 elements, got F32"));
}

TEST(TensorTest, CopiesUnalignedElementsOnDemandOnly) {
  alignas(8) static constexpr std::array<unsigned char, 9> kBytes = {0, 0, 0, 0x80, 0x3F,
                                                                     0, 0, 0, 0xC0};
  const Tensor odd = Tensor::view(DType::F32, {2}, std::as_bytes(std::span(kBytes)).subspan(1), {});
  EXPECT_THAT(mismatch([&] { (void)odd.data<float>(); }),
              HasSubstr("elements are not aligned in memory"));
  const Tensor even = odd.aligned();
  EXPECT_THAT(even.data<float>(), ElementsAre(1.0F, -2.0F));
  EXPECT_EQ(even.aligned().owner(), even.owner());
}

}  // namespace
}  // namespace weightlift
