#include "weightlift/tensor/convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>

#include "weightlift/base/digest.h"
#include "weightlift/base/message.h"

namespace weightlift {
namespace {

using Bytes = std::vector<std::byte>;

template <class T>
Bytes bytes_of(const std::vector<T>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {bytes.begin(), bytes.end()};
}

Bytes converted(const Bytes& in, DType from, DType to) {
  Bytes out(in.size() / item_bytes(from) * item_bytes(to));
  convert_elements(in, from, to, out);
  return out;
}

/// The bits of one converted element.
template <class To, class From>
To convert_one(From bits, DType from, DType to) {
  const Bytes out = converted(bytes_of(std::vector{bits}), from, to);
  To result{};
  std::memcpy(&result, out.data(), sizeof(result));
  return result;
}

// The lists below are built as tests/data/make_tensors.py builds them.

Bytes all_16_bits() {
  std::vector<std::uint16_t> values(65536);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::uint16_t>(i);
  return bytes_of(values);
}

std::vector<std::uint32_t> float_bits() {
  std::vector<std::uint32_t> values;
  for (std::uint32_t high = 0; high < 0x10000U; ++high) {
    for (std::uint32_t step = 0; step < 0x10000U; step += 0x2000U) {
      for (const std::uint32_t edge : {0U, 1U, 0xFFFU, 0x1000U, 0x1001U, 0x1FFFU}) {
        values.push_back(high << 16U | (step + edge));
      }
    }
  }
  return values;
}

std::vector<std::uint64_t> double_bits() {
  const std::vector<std::uint32_t> floats = float_bits();
  std::vector<std::uint64_t> values;
  for (std::size_t i = 0; i < floats.size(); i += 16) {
    const auto value = std::bit_cast<float>(floats[i]);
    if (!std::isfinite(value)) continue;
    for (const std::uint64_t edge : {0U, 1U, (1U << 28U) - 1, 1U << 28U, (1U << 28U) + 1}) {
      values.push_back(std::bit_cast<std::uint64_t>(static_cast<double>(value)) + edge);
    }
  }
  return values;
}

Bytes inputs(DType from) {
  if (from == DType::F32) return bytes_of(float_bits());
  if (from == DType::F64) return bytes_of(double_bits());
  return all_16_bits();
}

template <class Bits, Bits kInfinity, Bits kNan>
void unify_nan(Bytes& bytes) {
  for (std::size_t i = 0; i < bytes.size(); i += sizeof(Bits)) {
    Bits bits{};
    std::memcpy(&bits, &bytes[i], sizeof(Bits));
    constexpr Bits kMagnitude = std::numeric_limits<Bits>::max() / 2;
    if (static_cast<Bits>(bits & kMagnitude) > kInfinity) bits = kNan;
    std::memcpy(&bytes[i], &bits, sizeof(Bits));
  }
}

void unify_nan(Bytes& bytes, DType dtype) {
  switch (dtype) {
    case DType::F16:
      return unify_nan<std::uint16_t, 0x7C00, 0x7E00>(bytes);
    case DType::BF16:
      return unify_nan<std::uint16_t, 0x7F80, 0x7FC0>(bytes);
    case DType::F32:
      return unify_nan<std::uint32_t, 0x7F800000, 0x7FC00000>(bytes);
    default:
      return unify_nan<std::uint64_t, 0x7FF0000000000000, 0x7FF8000000000000>(bytes);
  }
}

TEST(ConvertTest, MatchesTorchOnEveryHalfAndAroundEveryRoundingEdge) {
  std::ifstream golden(std::filesystem::path(WEIGHTLIFT_TEST_DATA) / "tensor/conversions.txt");
  std::string from_name;
  std::string to_name;
  std::string digest;
  std::size_t count = 0;
  int pairs = 0;
  for (; golden >> from_name >> to_name >> count >> digest; ++pairs) {
    const DType from = parse_dtype(from_name).value();
    const DType to = parse_dtype(to_name).value();
    const Bytes in = inputs(from);
    ASSERT_EQ(in.size() / item_bytes(from), count);
    Bytes out = converted(in, from, to);
    unify_nan(out, to);
    EXPECT_EQ(sha256(out), digest) << from_name << " to " << to_name;
  }
  EXPECT_EQ(pairs, 12);
}

TEST(ConvertTest, RoundsDoublesTwiceOnTheWayToHalf) {
  // Above the middle between two halves by 2^-40: at once it would round up; as a float it is the
  // middle, which rounds to even.
  const double value = 1.0 + 0x1p-11 + 0x1p-40;
  EXPECT_EQ((convert_one<std::uint16_t>(value, DType::F64, DType::F16)), 0x3C00);
}

TEST(ConvertTest, OverflowsToInfinityAndUnderflowsToSignedZero) {
  EXPECT_EQ((convert_one<std::uint16_t>(65519.996F, DType::F32, DType::F16)), 0x7BFF);
  EXPECT_EQ((convert_one<std::uint16_t>(65520.0F, DType::F32, DType::F16)), 0x7C00);
  EXPECT_EQ((convert_one<std::uint16_t>(-3.4e38F, DType::F32, DType::F16)), 0xFC00);
  EXPECT_EQ((convert_one<std::uint16_t>(3.4e38F, DType::F32, DType::BF16)), 0x7F80);
  EXPECT_EQ((convert_one<std::uint32_t>(1e300, DType::F64, DType::F32)), 0x7F800000U);
  EXPECT_EQ((convert_one<std::uint16_t>(-1e300, DType::F64, DType::BF16)), 0xFF80);
  EXPECT_EQ((convert_one<std::uint32_t>(-1e-300, DType::F64, DType::F32)), 0x80000000U);
  EXPECT_EQ((convert_one<std::uint16_t>(-1e-30F, DType::F32, DType::F16)), 0x8000);
}

TEST(ConvertTest, KeepsNaNWithItsSignAndPayloadInHalf) {
  EXPECT_EQ((convert_one<std::uint16_t>(0x7FA12345U, DType::F32, DType::F16)), 0x7F09);
  EXPECT_EQ((convert_one<std::uint16_t>(0xFF800001U, DType::F32, DType::F16)), 0xFE00);
  EXPECT_EQ((convert_one<std::uint16_t>(0xFFFFFFFFU, DType::F32, DType::BF16)), 0x7FC0);
  EXPECT_EQ((convert_one<std::uint32_t>(std::uint16_t{0x7C01}, DType::F16, DType::F32)),
            0x7FC02000U);
  EXPECT_EQ((convert_one<std::uint32_t>(std::uint16_t{0x7F81}, DType::BF16, DType::F32)),
            0x7F810000U);
}

TEST(ConvertTest, AcceptsUnalignedBytes) {
  const Bytes values = bytes_of(std::vector{1.0F, -2.5F, 3.0F});
  Bytes in(values.size() + 1);
  std::memcpy(in.data() + 1, values.data(), values.size());
  Bytes out(3 * sizeof(std::uint16_t) + 1);
  convert_elements(std::span(in).subspan(1), DType::F32, DType::F16, std::span(out).subspan(1));
  const Bytes expected = bytes_of(std::vector<std::uint16_t>{0x3C00, 0xC100, 0x4200});
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), out.begin() + 1));
}

TEST(ConvertTest, CopiesBitsWhereTheDTypeStays) {
  const Bytes in = bytes_of(std::vector{0x7F800001U, 0xFFFFFFFFU, 1U});
  EXPECT_EQ(converted(in, DType::F32, DType::F32), in);
}

TEST(ConvertTest, RefusesOtherDTypesAndLengths) {
  Bytes in(8);
  Bytes out(8);
  EXPECT_THROW(convert_elements(in, DType::I64, DType::F32, out), UnsupportedError);
  EXPECT_THROW(convert_elements(in, DType::F32, DType::BOOL, out), UnsupportedError);
  EXPECT_THROW(convert_elements(in, DType::F32, DType::F16, out), MismatchError);
  EXPECT_THROW(convert_elements(std::span(in).first(7), DType::F32, DType::F64, out),
               MismatchError);
}

TEST(ConvertTest, ConvertsInTwoStepsAsInTwoCalls) {
  constexpr std::array kFloating = {DType::F16, DType::BF16, DType::F32, DType::F64};
  for (const DType from : kFloating) {
    const Bytes all = inputs(from);
    // More than one block, and not a whole number of blocks.
    const Bytes in(all.begin(),
                   all.begin() + static_cast<std::ptrdiff_t>(10'001 * item_bytes(from)));
    for (const DType via : kFloating) {
      for (const DType to : kFloating) {
        Bytes out(10'001 * item_bytes(to));
        convert_elements_via(in, from, via, to, out);
        EXPECT_EQ(out, converted(converted(in, from, via), via, to))
            << to_string(from) << " by " << to_string(via) << " to " << to_string(to);
      }
    }
  }
  Bytes out(8);
  EXPECT_THROW(convert_elements_via(out, DType::I64, DType::F32, DType::F64, out),
               UnsupportedError);
}

TEST(ReadAsTest, GivesConsecutivePiecesUntilTheReaderStops) {
  std::vector<float> values(700'001);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) * 0.37F;
  const Tensor tensor = Tensor::of<float>({700'001}, values);
  for (const DType dtype : {DType::F32, DType::F16, DType::F64}) {
    Bytes read;
    int pieces = 0;
    read_as(tensor, dtype, [&](std::span<const std::byte> piece) {
      read.insert(read.end(), piece.begin(), piece.end());
      ++pieces;
      return true;
    });
    const Tensor expected = to_dtype(tensor, dtype);
    EXPECT_TRUE(std::ranges::equal(read, expected.bytes())) << to_string(dtype);
    EXPECT_EQ(pieces, 3);
    read_as(tensor, dtype, [&](std::span<const std::byte>) { return --pieces > 1; });
    EXPECT_EQ(pieces, 1);
  }
  read_as(Tensor(), DType::F16, [](std::span<const std::byte>) {
    ADD_FAILURE();
    return true;
  });
}

TEST(ConvertTest, SharesTheBufferWhereTheDTypeStays) {
  const Tensor tensor = Tensor::of<float>({2}, {1, 2});
  const Tensor same = to_dtype(tensor, DType::F32);
  EXPECT_EQ(same.bytes().data(), tensor.bytes().data());
  const Tensor doubles = to_dtype(tensor, DType::F64);
  EXPECT_EQ(doubles.shape(), Shape{2});
  EXPECT_THAT(doubles.data<double>(), ::testing::ElementsAre(1.0, 2.0));
}

}  // namespace
}  // namespace weightlift
