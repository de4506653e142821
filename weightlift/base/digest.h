#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace weightlift {

/// SHA-256 in 64 lower-case hex digits. Gives mapped pages back as it goes (release_mapped), so
/// that hashing a file adds little to the memory in use.
std::string sha256(std::span<const std::byte> bytes);

}  // namespace weightlift
