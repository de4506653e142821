#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace weightlift {

enum class CheckpointFormat : std::uint8_t { kSafetensors, kTorchZip, kTorchLegacy };

/// "safetensors", "torch zip", "torch legacy"
std::string_view to_string(CheckpointFormat format);

/// The format of a checkpoint by its content. Throws FormatError "where: ..." that names what the
/// bytes look like where they are no checkpoint: an LFS pointer, an HTML page, an archive.
CheckpointFormat detect_format(std::span<const std::byte> bytes, const std::string& where);

}  // namespace weightlift
