#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/progress.h"

namespace weightlift {

/// One stored (not compressed) file of a zip. Views of the archive's bytes.
struct ZipEntry {
  std::string_view name;
  std::span<const std::byte> data;
  std::uint32_t crc = 0;  ///< from the directory; see require_crc
};

/// The central directory of a zip, compared with the archive.
struct Zip {
  std::vector<ZipEntry> entries;  ///< in the directory's order, without folders
  bool has_checksums = false;     ///< false where every CRC is 0: saved without
  Notes notes;                    ///< on what was accepted
};

/// Reads the central directory, and the local header of each entry; no content is read. Throws
/// FormatError "where: ..." for damage and for any archive on which two readers may disagree (see
/// the .cpp), and UnsupportedError for compression, encryption and archives in several parts.
Zip parse_zip(std::span<const std::byte> bytes, const std::string& where);

/// The names in the directory of any zip, folders included, without further checks; views of
/// `bytes`. Empty where there is no readable directory.
std::vector<std::string_view> list_zip_names(std::span<const std::byte> bytes);

/// Reads the entry's content. Throws FormatError where its CRC differs from the directory's.
void require_crc(const ZipEntry& entry, const std::string& where);

}  // namespace weightlift
