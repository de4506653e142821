#pragma once

#include <cstddef>
#include <cstdint>

#include "weightlift/tensor.h"

namespace weightlift {

/// The memory layout of a value (N, C, H, W): [N][blocks][H][W][block], where a block is that many
/// interleaved channels, and zeros pad the last one. Block 1 is row-major; the processor's
/// convolutions prefer 8 or 16. A value (N, C) is one of (N, C, 1, 1).
struct Layout {
  std::int64_t n = 1, c = 1, h = 1, w = 1;
  std::int64_t block = 1;
  bool operator==(const Layout&) const = default;

  bool plain() const { return block == 1; }
  std::int64_t blocks() const { return (c + block - 1) / block; }
  std::int64_t pixels() const { return h * w; }
  std::int64_t elements() const { return n * blocks() * pixels() * block; }
  Layout with_block(std::int64_t channels) const { return {n, c, h, w, channels}; }
  /// Whether a value has the same bytes in both layouts: whole blocks of single pixels do.
  bool same_memory(const Layout& other) const {
    if (*this == other) return true;
    return with_block(other.block) == other && pixels() == 1 && c % block == 0 &&
           c % other.block == 0;
  }
};

/// Returns the row-major layout of a shape of two or four dimensions. Throws UnsupportedError for
/// others, and where the number of bytes could overflow in some blocking.
Layout plain_layout(const Shape& shape);

/// The memory layout of convolution weights (O, I, K, K), where I is a group's share of the input:
/// [O/o][I/i][K][K][i][o], padded with zeros. (1, I) is row-major only for K = 1, so row-major is a
/// separate case.
struct WeightLayout {
  std::int64_t out_block = 1;
  std::int64_t in_block = 1;
  bool row_major = true;
  std::int64_t groups = 1;  ///< parts of O that are each padded to whole blocks
  bool operator==(const WeightLayout&) const = default;
};

}  // namespace weightlift
