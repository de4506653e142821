#include "weightlift/checkpoint/crc32.h"

#include <libdeflate.h>

#include <algorithm>

#include "weightlift/base/file.h"

namespace weightlift {

std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t before) {
  constexpr std::size_t kPiece = std::size_t{1} << 20U;
  std::uint32_t crc = before;
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(kPiece, bytes.size()));
    crc = libdeflate_crc32(crc, piece.data(), piece.size());
    release_mapped(piece);
    bytes = bytes.subspan(piece.size());
  }
  return crc;
}

}  // namespace weightlift
