#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "weightlift/checkpoint/checkpoint.h"

namespace weightlift {

/// The format of a checkpoint by its content. Throws an error "where: ..." that names what the
/// bytes look like: UnsupportedError for another known format (an archive, HDF5), FormatError for
/// anything else (an LFS pointer, an HTML page).
CheckpointFormat detect_format(std::span<const std::byte> bytes, const std::string& where);

/// What a file without weights or plain text looks like, by its first bytes: "a git-lfs pointer",
/// "an HTML page", "a gzip archive". Empty where they are of no such file.
std::string_view name_other_file(std::string_view text);

/// Bytes of the pickle of torch's magic number, in protocol 2, 3, 4 or 5, with which a legacy file
/// begins; 0 where the text begins otherwise.
std::size_t legacy_magic_bytes(std::string_view text);

}  // namespace weightlift
