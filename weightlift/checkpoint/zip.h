#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weightlift {

/// One stored (not compressed) file of a zip. Views of the archive's bytes.
struct ZipEntry {
  std::string_view name;
  std::span<const std::byte> data;
  std::uint32_t crc = 0;  ///< as the directory says; see require_crc
};

/// The central directory of a zip, held against the archive.
struct Zip {
  std::vector<ZipEntry> entries;  ///< in the directory's order, without those of folders
  bool has_checksums = false;     ///< false where the CRC of every entry is 0: saved without
  std::vector<std::string> notes;
};

/// Reads the central directory, and of each entry its local header; no content is touched. Throws
/// FormatError "where: ...": accepts no archive on which two readers may disagree, see the .cpp.
Zip parse_zip(std::span<const std::byte> bytes, const std::string& where);

/// Reads the entry's content. Throws FormatError where it does not have the CRC of the directory.
void require_crc(const ZipEntry& entry, const std::string& where);

}  // namespace weightlift
