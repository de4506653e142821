#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace weightlift {

/// When a piece of memory is needed: from one step to another, both included.
struct Lifetime {
  std::size_t bytes;
  std::size_t first;
  std::size_t last;
};

struct ArenaPlan {
  std::vector<std::size_t> offsets;  ///< in bytes, one per lifetime, multiples of kArenaAlignment
  std::size_t bytes;                 ///< of the whole arena
};

/// A cache line, and what oneDNN's kernels like.
constexpr std::size_t kArenaAlignment = 64;

/// Gives every piece a place such that pieces whose lifetimes meet do not overlap: largest first,
/// each at the lowest offset that is free all its life. Throws MismatchError where the sum of
/// bytes is not countable.
ArenaPlan plan_arena(const std::vector<Lifetime>& lifetimes);

/// Memory that is not touched before it is used, in huge pages where it is large and the system has
/// them, and that goes back with its owner: malloc would keep what was freed, in as many pools as
/// there were threads, and a process that runs one network after the other would grow.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  /// Throws std::bad_alloc.
  explicit AlignedBuffer(std::size_t bytes);
  std::byte* data() const { return memory_.get(); }

 private:
  struct Unmap {
    std::size_t bytes;
    void operator()(std::byte* memory) const;
  };
  std::unique_ptr<std::byte, Unmap> memory_;
};

}  // namespace weightlift
