#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace weightlift {

enum class CheckpointFormat : std::uint8_t { kSafetensors, kTorchZip, kTorchLegacy };

/// The format of a checkpoint by its content. Throws FormatError "where: ..." that names what the
/// bytes look like where they are no checkpoint: an LFS pointer, an HTML page, an archive.
CheckpointFormat detect_format(std::span<const std::byte> bytes, const std::string& where);

}  // namespace weightlift
