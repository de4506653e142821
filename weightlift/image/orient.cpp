#include "weightlift/image/orient.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace weightlift {

namespace {

/// How to read an image for an orientation: first swap its axes, then mirror it.
struct Turn {
  bool swap_axes, from_right, from_bottom;
};

constexpr std::array<Turn, 9> kTurns = {{
    {false, false, false},  // no orientation 0
    {false, false, false},  // 1
    {false, true, false},   // 2: mirrored
    {false, true, true},    // 3: rotated by 180 degrees
    {false, false, true},   // 4: upside down
    {true, false, false},   // 5: swapped along the diagonal
    {true, false, true},    // 6: to be rotated by 90 degrees clockwise
    {true, true, true},     // 7: swapped along the other diagonal
    {true, true, false},    // 8: to be rotated by 90 degrees counterclockwise
}};

/// Pixels are copied in squares of this side: rows of one image are columns of the other, and a
/// whole column touches more memory pages and cache lines than the processor keeps.
constexpr std::int64_t kTile = 32;

}  // namespace

Image orient(Image image, int orientation) {
  const Turn turn = kTurns.at(static_cast<std::size_t>(orientation));
  if (!turn.swap_axes && !turn.from_right && !turn.from_bottom) return image;
  Image out{.width = turn.swap_axes ? image.height : image.width,
            .height = turn.swap_axes ? image.width : image.height,
            .channels = image.channels,
            .samples = {}};
  out.samples.resize(image.samples.size());
  // Steps in the source for one pixel to the right and one down in the result.
  std::int64_t right = image.channels;
  std::int64_t down = image.channels * image.width;
  std::int64_t first = 0;
  if (turn.from_right) {
    first += right * (image.width - 1);
    right = -right;
  }
  if (turn.from_bottom) {
    first += down * (image.height - 1);
    down = -down;
  }
  if (turn.swap_axes) std::swap(right, down);
  const std::uint8_t* source = image.samples.data();
  for (std::int64_t top = 0; top < out.height; top += kTile) {
    for (std::int64_t left = 0; left < out.width; left += kTile) {
      for (std::int64_t y = top; y < std::min(top + kTile, out.height); ++y) {
        for (std::int64_t x = left; x < std::min(left + kTile, out.width); ++x) {
          const std::uint8_t* pixel = source + first + x * right + y * down;
          std::copy_n(pixel, out.channels,
                      &out.samples[static_cast<std::size_t>((y * out.width + x) * out.channels)]);
        }
      }
    }
  }
  return out;
}

}  // namespace weightlift
