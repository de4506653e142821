#include "weightlift/runtime/arena.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <limits>

#include "weightlift/base/message.h"

namespace weightlift {
namespace {

/// Returns the resident bytes of this process that are not pages of a file.
std::int64_t resident_bytes() {
  std::int64_t size = 0;
  std::int64_t resident = 0;
  std::int64_t of_files = 0;
  std::ifstream("/proc/self/statm") >> size >> resident >> of_files;
  return (resident - of_files) * ::sysconf(_SC_PAGESIZE);
}

TEST(ArenaTest, PiecesThatLiveAtOnceDoNotOverlap) {
  // Pseudo-random pieces; every pair is checked.
  std::vector<Lifetime> pieces;
  std::uint32_t state = 1;
  const auto next = [&](std::uint32_t below) {
    state = state * 1664525U + 1013904223U;
    return (state >> 8U) % below;
  };
  for (int i = 0; i < 200; ++i) {
    const std::size_t first = next(100);
    pieces.push_back({next(5000), first, first + next(10)});
  }
  const ArenaPlan plan = plan_arena(pieces);
  for (std::size_t a = 0; a < pieces.size(); ++a) {
    EXPECT_EQ(plan.offsets[a] % kArenaAlignment, 0U);
    EXPECT_LE(plan.offsets[a] + pieces[a].bytes, plan.bytes);
    for (std::size_t b = 0; b < a; ++b) {
      const bool together = pieces[a].first <= pieces[b].last && pieces[b].first <= pieces[a].last;
      const bool apart = plan.offsets[a] + pieces[a].bytes <= plan.offsets[b] ||
                         plan.offsets[b] + pieces[b].bytes <= plan.offsets[a];
      EXPECT_TRUE(!together || apart) << a << " and " << b;
    }
  }
}

TEST(ArenaTest, ReusesMemory) {
  const ArenaPlan plan = plan_arena({{640, 0, 1}, {640, 1, 2}, {640, 2, 3}, {640, 3, 4}});
  EXPECT_EQ(plan.bytes, 1280U);
}

TEST(ArenaTest, APieceFitsIntoAGap) {
  // The first and the last piece leave 64 bytes between them free at step 1.
  const ArenaPlan plan = plan_arena({{256, 0, 0}, {192, 0, 2}, {64, 1, 1}});
  EXPECT_EQ(plan.bytes, 448U);
  EXPECT_EQ(plan.offsets[2], 0U);
}

TEST(ArenaTest, RefusesSizesBeyondMemory) {
  constexpr auto kMost = std::numeric_limits<std::size_t>::max();
  EXPECT_THROW(plan_arena({{kMost, 0, 0}}), UnsupportedError);
  EXPECT_THROW(plan_arena({{kMost - 64, 0, 0}, {128, 0, 0}}), UnsupportedError);
}

// malloc would keep the second buffer: freeing the first raises its threshold for mmap.
TEST(AlignedBufferTest, ReturnsMemoryToTheSystem) {
  constexpr std::size_t kBytes = std::size_t{8} << 20;
  const std::int64_t before = resident_bytes();
  for (int i = 0; i < 3; ++i) {
    const AlignedBuffer buffer(kBytes);
    std::memset(buffer.data(), 1, kBytes);
    EXPECT_GT(resident_bytes() - before, std::int64_t{7} << 20);
  }
  EXPECT_LT(resident_bytes() - before, std::int64_t{2} << 20);
}

}  // namespace
}  // namespace weightlift
