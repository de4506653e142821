#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/checkpoint/zip.h"
#include "weightlift/progress.h"

namespace weightlift {

/// The parts of a zip of torch.save: one pickle, and the bytes of the storages it refers to. Views
/// of the archive's bytes.
struct TorchArchive {
  std::span<const std::byte> pickle;                           ///< data.pkl, its CRC checked
  std::map<std::string_view, ZipEntry, std::less<>> storages;  ///< data/KEY by KEY; CRCs unread
  bool has_checksums = false;
  Notes notes;  ///< on what was accepted
};

/// Reads a zip of torch.save. Throws FormatError "where: ..." where torch.save did not write it,
/// and UnsupportedError for TorchScript archives, compression and big-endian tensors.
TorchArchive open_torch_archive(std::span<const std::byte> bytes, const std::string& where);

/// Whether the text can name a storage: a decimal number of at most 20 digits, as torch's counter
/// and, in legacy files, addresses are. Nothing else, since other readers make paths of it.
bool is_storage_key(std::string_view key);

}  // namespace weightlift
