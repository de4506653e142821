#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/checkpoint/golden.h"
#include "weightlift/base/bytes.h"
#include "weightlift/checkpoint/crc32.h"

namespace weightlift::testing {

/// `value` in little-endian bytes.
template <std::unsigned_integral T>
std::string le(T value) {
  std::string bytes(sizeof(T), '\0');
  store_little_endian(value, std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

inline std::uint32_t crc_of(std::string_view content) {
  return crc32(std::as_bytes(std::span(content)));
}

/// One entry of a zip, valid unless a field overrides it.
struct ZipPart {
  std::string name;
  std::string content;
  unsigned flags = 0;
  unsigned method = 0;
  std::optional<std::uint32_t> crc = std::nullopt;
  std::optional<std::string> local_name = std::nullopt;
  std::optional<unsigned> local_flags = std::nullopt;
  std::optional<unsigned> local_method = std::nullopt;
  std::optional<std::uint32_t> packed = std::nullopt;
  std::optional<std::uint32_t> size = std::nullopt;
  std::optional<std::uint32_t> offset = std::nullopt;
  std::string local_mark = "PK\x03\x04";
  std::string local_extra{};
  std::string central_extra{};
  std::string behind{};  ///< between this entry and the next: a data descriptor, or a gap
  unsigned disk = 0;
};

/// The records after the directory, valid unless a field overrides them.
struct ZipEnd {
  std::optional<unsigned> count = std::nullopt;
  std::optional<std::uint32_t> offset = std::nullopt;
  std::optional<std::uint32_t> size = std::nullopt;
  std::string comment{};
  std::string behind{};
  unsigned disk = 0;
  bool zip64 = false;
  std::optional<std::uint64_t> count64 = std::nullopt;
  std::optional<std::uint64_t> offset64 = std::nullopt;
  std::optional<std::uint64_t> size64 = std::nullopt;
  std::optional<std::uint64_t> record64 = std::nullopt;  ///< its place by the locator
};

inline std::string le16(unsigned value) { return le(static_cast<std::uint16_t>(value)); }

inline std::string local_header(const ZipPart& part) {
  const std::string& name = part.local_name.value_or(part.name);
  return part.local_mark + le16(0) + le16(part.local_flags.value_or(part.flags)) +
         le16(part.local_method.value_or(part.method)) + std::string(16, '\0') +
         le16(static_cast<unsigned>(name.size())) +
         le16(static_cast<unsigned>(part.local_extra.size())) + name + part.local_extra;
}

inline std::string central_entry(const ZipPart& part, std::size_t offset) {
  const auto size = static_cast<std::uint32_t>(part.content.size());
  return "PK\x01\x02" + le16(0) + le16(0) + le16(part.flags) + le16(part.method) + le16(0) +
         le16(0) + le(part.crc.value_or(crc_of(part.content))) + le(part.packed.value_or(size)) +
         le(part.size.value_or(size)) + le16(static_cast<unsigned>(part.name.size())) +
         le16(static_cast<unsigned>(part.central_extra.size())) + le16(0) + le16(part.disk) +
         std::string(6, '\0') + le(part.offset.value_or(static_cast<std::uint32_t>(offset))) +
         part.name + part.central_extra;
}

inline std::string zip64_records(const ZipEnd& end, std::size_t count, std::size_t offset,
                                 std::size_t size) {
  const std::uint64_t entries = end.count64.value_or(count);
  return "PK\x06\x06" + le(std::uint64_t{44}) + le16(0x031E) + le16(45) + std::string(8, '\0') +
         le(entries) + le(entries) + le(end.size64.value_or(size)) +
         le(end.offset64.value_or(offset)) + "PK\x06\x07" + std::string(4, '\0') +
         le(end.record64.value_or(offset + size)) + le(std::uint32_t{1});
}

/// The archive.
inline std::string zip_of(const std::vector<ZipPart>& parts, const ZipEnd& end = {}) {
  std::string file;
  std::string directory;
  for (const ZipPart& part : parts) {
    directory += central_entry(part, file.size());
    file += local_header(part) + part.content + part.behind;
  }
  const std::size_t offset = file.size();
  file += directory;
  if (end.zip64) file += zip64_records(end, parts.size(), offset, directory.size());
  const unsigned count = end.count.value_or(static_cast<unsigned>(parts.size()));
  return file + "PK\x05\x06" + le16(end.disk) + le16(0) + le16(count) + le16(count) +
         le(end.size.value_or(static_cast<std::uint32_t>(directory.size()))) +
         le(end.offset.value_or(static_cast<std::uint32_t>(offset))) +
         le16(static_cast<unsigned>(end.comment.size())) + end.comment + end.behind;
}

/// The entries of a small checkpoint with this pickle.
inline std::vector<ZipPart> checkpoint_parts(const std::string& pickle = golden_pickle(),
                                             const std::string& root = "archive") {
  return {{root + "/data.pkl", pickle},
          {root + "/byteorder", "little"},
          {root + "/data/0", golden_storage()},
          {root + "/version", "3\n"}};
}

}  // namespace weightlift::testing
