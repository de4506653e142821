#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/checkpoint/zip.h"

namespace weightlift {

/// A zip that torch.save wrote, taken apart: one pickle, and the bytes of the storages it refers
/// to. Views of the archive's bytes.
struct TorchArchive {
  std::span<const std::byte> pickle;                           ///< data.pkl, its CRC checked
  std::map<std::string_view, ZipEntry, std::less<>> storages;  ///< data/KEY by KEY; CRCs unread
  bool has_checksums = false;
  std::vector<std::string> notes;
};

/// Throws FormatError "where: ..." where the zip is none of torch.save's, or one whose version or
/// byte order cannot be read.
TorchArchive open_torch_archive(std::span<const std::byte> bytes, const std::string& where);

/// What names a storage: a decimal number of at most 20 digits, as torch's counter and, in legacy
/// files, addresses are. Nothing else, since other readers make paths of it.
bool is_storage_key(std::string_view key);

}  // namespace weightlift
