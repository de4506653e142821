#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace weightlift {

/// CRC-32 as zip defines it (IEEE 802.3). Releases mapped pages while it reads (release_mapped), as
/// sha256 does. `before`: the CRC-32 of the bytes that come before these.
std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t before = 0);

}  // namespace weightlift
