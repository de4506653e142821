#include "weightlift/base/bytes.h"

#include <gmock/gmock.h>

#include <array>
#include <limits>

namespace weightlift {
namespace {

using ::testing::ElementsAre;
using ::testing::Optional;

constexpr std::array kBytes{std::byte{0x01}, std::byte{0x02}, std::byte{0x03}, std::byte{0x84},
                            std::byte{0x05}, std::byte{0x06}, std::byte{0x07}, std::byte{0xF8}};

TEST(LittleEndianTest, LoadsTheLowestByteFirst) {
  EXPECT_THAT(load_little_endian<std::uint8_t>(kBytes), Optional(std::uint8_t{0x01}));
  EXPECT_THAT(load_little_endian<std::uint16_t>(kBytes), Optional(std::uint16_t{0x0201}));
  EXPECT_THAT(load_little_endian<std::uint32_t>(kBytes), Optional(std::uint32_t{0x84030201}));
  EXPECT_THAT(load_little_endian<std::uint64_t>(kBytes), Optional(0xF807060584030201U));
}

TEST(LittleEndianTest, LoadsAtAnyOffset) {
  EXPECT_THAT(load_little_endian<std::uint32_t>(kBytes, 3), Optional(std::uint32_t{0x07060584}));
}

TEST(LittleEndianTest, LoadsNothingBeyondTheEnd) {
  EXPECT_THAT(load_little_endian<std::uint32_t>(kBytes, 4), Optional(std::uint32_t{0xF8070605}));
  EXPECT_EQ(load_little_endian<std::uint32_t>(kBytes, 5), std::nullopt);
  EXPECT_EQ(load_little_endian<std::uint8_t>(kBytes, 8), std::nullopt);
  EXPECT_EQ(load_little_endian<std::uint8_t>(kBytes, 9), std::nullopt);
  EXPECT_EQ(load_little_endian<std::uint64_t>(kBytes, std::numeric_limits<std::size_t>::max()),
            std::nullopt);
  EXPECT_EQ(load_little_endian<std::uint8_t>({}), std::nullopt);
}

TEST(LittleEndianTest, StoresTheLowestByteFirst) {
  std::array<std::byte, 4> out{};
  store_little_endian(std::uint32_t{0x84030201}, out);
  EXPECT_THAT(out, ElementsAre(std::byte{0x01}, std::byte{0x02}, std::byte{0x03}, std::byte{0x84}));
}

TEST(CheckedTest, AddsUpToTheLimit) {
  constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();
  EXPECT_THAT(checked_add(kMax - 1, std::uint64_t{1}), Optional(kMax));
  EXPECT_EQ(checked_add(kMax, std::uint64_t{1}), std::nullopt);
  constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(checked_add(kMin, std::int64_t{-1}), std::nullopt);
}

TEST(CheckedTest, MultipliesUpToTheLimit) {
  constexpr auto kHalf = std::uint64_t{1} << 32;
  EXPECT_THAT(checked_mul(kHalf, kHalf - 1), Optional(0xFFFFFFFF00000000U));
  EXPECT_EQ(checked_mul(kHalf, kHalf), std::nullopt);
  EXPECT_THAT(checked_mul(std::uint64_t{0}, kHalf), Optional(std::uint64_t{0}));
  EXPECT_EQ(checked_mul(std::numeric_limits<std::int64_t>::min(), std::int64_t{-1}), std::nullopt);
}

TEST(NarrowTest, KeepsValuesThatFit) {
  EXPECT_EQ(narrow<std::uint8_t>(255), 255);
  EXPECT_EQ(narrow<std::int64_t>(std::uint64_t{1} << 62), std::int64_t{1} << 62);
}

TEST(NarrowTest, ThrowsWhereTheValueDoesNotFit) {
  EXPECT_THROW(narrow<std::uint8_t>(256), std::range_error);
  EXPECT_THROW(narrow<std::uint64_t>(-1), std::range_error);
  EXPECT_THROW(narrow<std::int64_t>(std::uint64_t{1} << 63), std::range_error);
}

}  // namespace
}  // namespace weightlift
