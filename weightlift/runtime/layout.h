#pragma once

#include <cstddef>
#include <cstdint>

#include "weightlift/tensor/shape.h"

namespace weightlift {

/// How a value (N, C, H, W) lies in memory: as [N][blocks][H][W][block], where a block is that many
/// channels side by side, the last one filled up with zeros. Block 1 is row-major; the processor's
/// convolutions like 8 or 16. A value (N, C) is one of (N, C, 1, 1).
struct Layout {
  std::int64_t n = 1, c = 1, h = 1, w = 1;
  std::int64_t block = 1;
  bool operator==(const Layout&) const = default;

  bool plain() const { return block == 1; }
  std::int64_t blocks() const { return (c + block - 1) / block; }
  std::int64_t pixels() const { return h * w; }
  std::int64_t elements() const { return n * blocks() * pixels() * block; }
  Layout with_block(std::int64_t channels) const { return {n, c, h, w, channels}; }
};

/// The row-major layout of a shape of two or four dimensions. Throws MismatchError for others, and
/// where the bytes of its floats would not be countable in any blocking.
Layout plain_layout(const Shape& shape);

/// How convolution weights (O, I, K, K), where I is a group's share of the input, lie in memory: as
/// [O/o][I/i][K][K][i][o], filled up with zeros. (1, I) is row-major for K = 1 only, so row-major
/// is a case of its own.
struct WeightLayout {
  std::int64_t out_block = 1;
  std::int64_t in_block = 1;
  bool row_major = true;
  bool operator==(const WeightLayout&) const = default;
};

}  // namespace weightlift
