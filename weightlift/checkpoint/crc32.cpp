#include "weightlift/checkpoint/crc32.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "weightlift/base/file.h"

// Sliced by sixteen: sixteen bytes take sixteen look-ups that do not wait for each other, where the
// plain form waits for each byte's before the next.

namespace weightlift {

namespace {

using CrcTables = std::array<std::array<std::uint32_t, 256>, 16>;

constexpr CrcTables make_crc_tables() {
  constexpr std::uint32_t kPolynomial = 0xEDB88320U;
  CrcTables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? kPolynomial : 0U);
    tables[0][byte] = crc;
  }
  for (std::size_t slice = 1; slice < tables.size(); ++slice) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[slice - 1][byte];
      tables[slice][byte] = (before >> 8U) ^ tables[0][before & 0xFFU];
    }
  }
  return tables;
}

constexpr CrcTables kCrcTables = make_crc_tables();

std::uint32_t look_up(std::uint64_t word, std::size_t last_table) {
  std::uint32_t found = 0;
  for (std::size_t i = 0; i < 8; ++i)
    found ^= kCrcTables[last_table - i][(word >> (8 * i)) & 0xFFU];
  return found;
}

std::uint32_t crc_of_sixteen(std::uint32_t crc, const std::byte* bytes) {
  static_assert(std::endian::native == std::endian::little);
  std::array<std::uint64_t, 2> words{};
  std::memcpy(words.data(), bytes, sizeof(words));
  return look_up(words[0] ^ crc, 15) ^ look_up(words[1], 7);
}

std::uint32_t crc_of_piece(std::uint32_t crc, std::span<const std::byte> bytes) {
  while (bytes.size() >= 16) {
    crc = crc_of_sixteen(crc, bytes.data());
    bytes = bytes.subspan(16);
  }
  for (const std::byte byte : bytes) {
    crc = (crc >> 8U) ^ kCrcTables[0][(crc ^ static_cast<std::uint32_t>(byte)) & 0xFFU];
  }
  return crc;
}

}  // namespace

std::uint32_t crc32(std::span<const std::byte> bytes) {
  constexpr std::size_t kPiece = std::size_t{1} << 20U;
  std::uint32_t crc = 0xFFFFFFFFU;
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(kPiece, bytes.size()));
    crc = crc_of_piece(crc, piece);
    release_mapped(piece);
    bytes = bytes.subspan(piece.size());
  }
  return ~crc;
}

}  // namespace weightlift
