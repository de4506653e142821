#include "weightlift/runtime/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>
#include <numeric>

#include "weightlift/base/bytes.h"
#include "weightlift/base/message.h"

namespace weightlift {

namespace {

bool meet(const Lifetime& a, const Lifetime& b) { return a.first <= b.last && b.first <= a.last; }

[[noreturn]] void refuse_size() { throw UnsupportedError("the activations do not fit in memory"); }

std::size_t aligned_bytes(const Lifetime& lifetime) {
  const auto padded = checked_add(lifetime.bytes, kArenaAlignment - 1);
  if (!padded) refuse_size();
  return *padded / kArenaAlignment * kArenaAlignment;
}

/// Returns the lowest offset at which `bytes` bytes fit between the pieces in `placed`, which are
/// sorted by their begin.
std::size_t lowest_gap(const std::vector<std::pair<std::size_t, std::size_t>>& placed,
                       std::size_t bytes) {
  std::size_t offset = 0;
  for (const auto& [begin, end] : placed) {
    if (offset < begin && begin - offset >= bytes) break;
    offset = std::max(offset, end);
  }
  return offset;
}

}  // namespace

ArenaPlan plan_arena(const std::vector<Lifetime>& lifetimes) {
  std::vector<std::size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(
      order, [&](std::size_t a, std::size_t b) { return lifetimes[a].bytes > lifetimes[b].bytes; });

  ArenaPlan plan{std::vector<std::size_t>(lifetimes.size(), 0), 0};
  std::vector<std::size_t> done;
  for (const std::size_t id : order) {
    std::vector<std::pair<std::size_t, std::size_t>> neighbours;  // begin, end
    for (const std::size_t other : done) {
      if (!meet(lifetimes[id], lifetimes[other])) continue;
      const std::size_t begin = plan.offsets[other];
      neighbours.emplace_back(begin, begin + aligned_bytes(lifetimes[other]));
    }
    std::ranges::sort(neighbours);
    const std::size_t bytes = aligned_bytes(lifetimes[id]);
    plan.offsets[id] = lowest_gap(neighbours, bytes);
    const auto end = checked_add(plan.offsets[id], bytes);
    if (!end) refuse_size();
    plan.bytes = std::max(plan.bytes, *end);
    done.push_back(id);
  }
  return plan;
}

AlignedBuffer::AlignedBuffer(std::size_t bytes) {
  const std::size_t mapped = std::max<std::size_t>(bytes, 1);
  void* memory =
      ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  memory_ = {static_cast<std::byte*>(memory), Unmap{mapped}};
  // New memory costs one page fault per page; a system without huge pages loses nothing.
  ::madvise(memory, mapped, MADV_HUGEPAGE);
}

void AlignedBuffer::Unmap::operator()(std::byte* memory) const { ::munmap(memory, bytes); }

}  // namespace weightlift
