#include "weightlift/tensor/compare.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/tensor/convert.h"

namespace weightlift {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

Tensor floats(std::vector<float> values) {
  const auto size = static_cast<std::int64_t>(values.size());
  return Tensor::of<float>({size}, std::move(values));
}

TEST(BitEqualTest, ComparesDTypeShapeAndBits) {
  EXPECT_TRUE(bit_equal(floats({1, kNan}), floats({1, kNan})));
  EXPECT_TRUE(bit_equal(floats({}), floats({})));
  EXPECT_FALSE(bit_equal(floats({0.0F}), floats({-0.0F})));
  EXPECT_FALSE(bit_equal(floats({kNan}), floats({-kNan})));
  EXPECT_FALSE(bit_equal(floats({1, 2}), Tensor::of<float>({2, 1}, {1, 2})));
  EXPECT_FALSE(bit_equal(floats({0, 0}), Tensor::of<double>({1}, {0})));
}

TEST(BitEqualTest, DetectsOneBitBeyondTheFirstMegabytes) {
  std::vector<float> values(5'000'000, 1.0F);
  const Tensor a = floats(values);
  values[4'999'999] = std::nextafter(1.0F, 2.0F);
  EXPECT_FALSE(bit_equal(a, floats(values)));
  values[4'999'999] = 1.0F;
  EXPECT_TRUE(bit_equal(a, floats(values)));
}

TEST(BitEqualTest, ReadsMappedFilesRepeatedly) {
  const testing::TempDir dir;
  testing::write_file(dir / "f", std::string(20'000'004, 'x'));
  const auto file = MappedFile::open(dir / "f");
  const Tensor a = Tensor::view(DType::F32, {5'000'001}, file->bytes(), file);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(bit_equal(a, a));
  EXPECT_EQ(count_non_finite(a).nan, 0);
}

TEST(BitEqualConvertedTest, ComparesWithTheConvertedTensor) {
  std::vector<float> values(700'001);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) * 0.37F;
  const Tensor tensor = floats(values);
  values.back() = std::nextafter(values.back(), kInf);
  const Tensor other = floats(values);
  for (const DType dtype : {DType::F16, DType::BF16, DType::F32, DType::F64}) {
    EXPECT_TRUE(bit_equal_converted(tensor, to_dtype(tensor, dtype))) << to_string(dtype);
    const bool narrow = item_bytes(dtype) == 2;
    EXPECT_EQ(bit_equal_converted(tensor, to_dtype(other, dtype)), narrow) << to_string(dtype);
  }
  EXPECT_TRUE(bit_equal_converted(floats({}), to_dtype(floats({}), DType::F16)));
  EXPECT_FALSE(bit_equal_converted(floats({1, 2}), Tensor::of<double>({2, 1}, {1, 2})));
  EXPECT_THROW(bit_equal_converted(floats({1}), Tensor::of<std::int64_t>({1}, {1})),
               UnsupportedError);
}

TEST(DifferenceTest, FindsTheLargest) {
  const Difference found = measure_difference(floats({1, 2, 3, 4}), floats({1, 2.5F, 1, 4}));
  EXPECT_EQ(found.max_abs, 2.0F);
  EXPECT_EQ(found.max_rel, 2.0F);
  EXPECT_EQ(found.different_count, 2);
  EXPECT_EQ(found.max_abs_index, 2);
}

TEST(DifferenceTest, IsZeroForEqualTensors) {
  const Difference found =
      measure_difference(floats({0.0F, kNan, kInf}), floats({-0.0F, -kNan, kInf}));
  EXPECT_EQ(found.max_abs, 0.0F);
  EXPECT_EQ(found.max_rel, 0.0F);
  EXPECT_EQ(found.different_count, 0);
  EXPECT_EQ(found.max_abs_index, -1);
}

TEST(DifferenceTest, IsInfiniteWhereOnlyOneIsNaNOrInfinite) {
  for (const auto& [x, y] : {std::pair(kNan, 1.0F), {1.0F, kNan}, {kInf, -kInf}, {1.0F, kInf}}) {
    const Difference found = measure_difference(floats({5, x}), floats({4, y}));
    EXPECT_EQ(found.max_abs, kInf) << x << ' ' << y;
    EXPECT_EQ(found.max_rel, kInf) << x << ' ' << y;
    EXPECT_EQ(found.max_abs_index, 1);
    EXPECT_EQ(found.different_count, 2);
  }
}

TEST(DifferenceTest, IsRelativelyInfiniteWhereOnlyTheSecondIsZero) {
  EXPECT_EQ(measure_difference(floats({1e-30F}), floats({0})).max_rel, kInf);
  EXPECT_EQ(measure_difference(floats({0}), floats({1e-30F})).max_rel, 1.0F);
}

TEST(DifferenceTest, RefusesOtherDTypesAndShapes) {
  EXPECT_EQ(testing::refusal<MismatchError>([] {
              measure_difference(floats({1}), floats({1, 2}));
            }),
            "cannot compare F32 [1] with F32 [2]: both must be F32 and of the same shape");
  EXPECT_THROW(measure_difference(floats({1}), Tensor::of<double>({1}, {1})), MismatchError);
  EXPECT_THROW(allclose(floats({1}), floats({1, 2}), 0, 0), MismatchError);
}

TEST(AllcloseTest, MatchesTorchAtTheEdgeOfTheTolerance) {
  std::ifstream golden(std::filesystem::path(WEIGHTLIFT_TEST_DATA) / "tensor/allclose.txt");
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  double rtol = 0;
  double atol = 0;
  bool close = false;
  int count = 0;
  for (; golden >> a >> b >> rtol >> atol >> close; ++count) {
    EXPECT_EQ(
        allclose(floats({std::bit_cast<float>(a)}), floats({std::bit_cast<float>(b)}), rtol, atol),
        close)
        << std::bit_cast<float>(a) << ' ' << std::bit_cast<float>(b) << ' ' << rtol << ' ' << atol;
  }
  EXPECT_EQ(count, 1464);
}

TEST(AllcloseTest, ComparesEveryElement) {
  EXPECT_TRUE(allclose(floats({}), floats({}), 0, 0));
  EXPECT_TRUE(allclose(floats({1, 1.1F}), floats({1, 1}), 0.2, 0));
  EXPECT_FALSE(allclose(floats({1, 1.1F, 1}), floats({1, 1, 1}), 0.01, 0));
}

TEST(NonFiniteTest, CountsInEveryFloatingDType) {
  const Tensor tensor = floats({kNan, 1, kInf, -kInf, -kNan, kNan, 0, -3.4e38F, 1e-45F});
  // -3.4e38 overflows in the 16-bit types.
  for (const auto& [dtype, inf] :
       {std::pair(DType::F32, 2), {DType::F64, 2}, {DType::F16, 3}, {DType::BF16, 3}}) {
    const NonFinite found = count_non_finite(to_dtype(tensor, dtype));
    EXPECT_EQ(found.nan, 3) << to_string(dtype);
    EXPECT_EQ(found.inf, inf) << to_string(dtype);
  }
}

TEST(NonFiniteTest, IsZeroInOtherDTypes) {
  const NonFinite found = count_non_finite(Tensor::of<std::int64_t>({1}, {-1}));
  EXPECT_EQ(found.nan, 0);
  EXPECT_EQ(found.inf, 0);
}

TEST(NonFiniteTest, CountsBeyondTheFirstMegabytes) {
  std::vector<float> values(5'000'000, 1.0F);
  values.front() = kInf;
  values.back() = kNan;
  const NonFinite found = count_non_finite(floats(values));
  EXPECT_EQ(found.nan, 1);
  EXPECT_EQ(found.inf, 1);
}

}  // namespace
}  // namespace weightlift
