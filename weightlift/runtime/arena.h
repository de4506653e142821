#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace weightlift {

/// The steps during which a piece of memory is needed: from the first to the last, both included.
struct Lifetime {
  std::size_t bytes;
  std::size_t first;
  std::size_t last;
};

struct ArenaPlan {
  std::vector<std::size_t> offsets;  ///< in bytes, one per lifetime, multiples of kArenaAlignment
  std::size_t bytes;                 ///< of the whole arena
};

/// A cache line, and the alignment with which oneDNN's kernels are fast.
constexpr std::size_t kArenaAlignment = 64;

/// Places every piece such that pieces whose lifetimes meet do not overlap: the largest first, each
/// at the lowest offset that is free during its lifetime. Throws UnsupportedError where the sizes
/// overflow.
ArenaPlan plan_arena(const std::vector<Lifetime>& lifetimes);

/// Memory that is not touched before it is used, in huge pages where it is large and the system has
/// them. It is unmapped with its owner: malloc would keep freed memory in one pool per thread, and
/// a process that runs one network after the other would grow.
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
