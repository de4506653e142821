#include "weightlift/checkpoint/zip.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>

#include "weightlift/base/bytes.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint/crc32.h"
#include "weightlift/progress.h"

// A zip as torch.save writes it, read from its end:
//
//   offset 0
//   +--------+------+-------+---------+------------+--------+-----+-----------+---------+-----+
//   | local  | name | extra | content | descriptor | local  | ... | central   | zip64   | end |
//   | header |      |       |         | (16 or 24) | header |     | directory | records |     |
//   +--------+------+-------+---------+------------+--------+-----+-----------+---------+-----+
// clang-format off
//   local header, 30 bytes    "PK\3\4", version, flags, method, time, date, crc, packed size, size,
//                             name length, extra length (2 bytes each, crc and sizes 4)
//   central entry, 46 bytes   "PK\1\2", version made by, then as above from version on, then comment
//                             length, disk, attributes (2, 4), offset of the local header (4)
//   end record, 22 bytes      "PK\5\6", disk, disk of the directory, entries on this disk, entries,
//                             size and offset of the directory (4 each), comment length
//   zip64 end record, 56      "PK\6\6", its size (8), versions, disks (4 each), entries on this disk,
//                             entries, size and offset of the directory (8 each)
//   zip64 locator, 20         "PK\6\7", disk (4), offset of the zip64 end record (8), disks (4)
// clang-format on
//
// torch leaves crc and sizes in local headers 0, so only the directory tells where contents end. A
// size or offset of 0xFFFFFFFF there stands for eight bytes in the entry's extra field 1.
//
// Two readers may see two different archives in the same bytes: by a second end record, local
// headers that differ from the directory, two entries of one name, or entries that overlap. This is
// how checkpoints get past scanners, so it is refused here, although torch accepts it. The marks of
// an end record inside an entry's content (a tensor may hold a zip) are no second archive: every
// reader searches from the end, and takes them only where they fit the end of the file. Compression
// is also refused: torch never writes it, and torch itself, where it maps the file, takes the
// packed bytes for weights.
//
// Nothing is allocated by a number that the file declares: an entry is stored only after its 46
// bytes were found.

namespace weightlift {

namespace {

using namespace std::string_view_literals;

constexpr std::size_t kLocalBytes = 30;
constexpr std::size_t kCentralBytes = 46;
constexpr std::size_t kEndBytes = 22;
constexpr std::size_t kZip64EndBytes = 56;
constexpr std::size_t kLocatorBytes = 20;
constexpr std::size_t kMaxCommentBytes = 65'535;

/// Each takes 46 bytes in the file and up to 150 here. The largest published checkpoints have
/// thousands of storages in a file; torch itself was tested with 70,000.
constexpr std::uint64_t kMaxZipEntries = 300'000;
/// Names are repeated in messages. torch's are the file's name and a number.
constexpr std::size_t kMaxZipNameBytes = 4096;
/// A data descriptor (bit 3) and names in UTF-8 (bit 11). The others stand for encryption, patches
/// and compression.
constexpr unsigned kKnownFlags = 0x0808;

constexpr std::uint32_t kIn64 = 0xFFFFFFFFU;
constexpr std::uint16_t kCountIn64 = 0xFFFFU;

/// Bytes of known length that contain numbers.
struct ZipRecord {
  std::span<const std::byte> bytes;
  std::uint16_t u16(std::size_t at) const { return load<std::uint16_t>(at); }
  std::uint32_t u32(std::size_t at) const { return load<std::uint32_t>(at); }
  std::uint64_t u64(std::size_t at) const { return load<std::uint64_t>(at); }

 private:
  template <class T>
  T load(std::size_t at) const {
    return load_little_endian<T>(bytes, at).value();
  }
};

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The place of the directory.
struct DirectoryPlace {
  std::uint64_t count = 0;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t end = 0;  ///< where the first of the end records begins
};

/// An entry, and the place of its header and content.
struct ZipExtent {
  ZipEntry entry;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  bool described = false;  ///< a data descriptor follows
};

class ZipReader {
 public:
  ZipReader(std::span<const std::byte> bytes, const std::string& where)
      : bytes_(bytes), where_(where) {}

  Zip read() {
    const DirectoryPlace place = find_directory();
    std::vector<ZipExtent> extents = read_directory(place);
    require_unique_names(extents);
    require_disjoint(extents, place.offset);
    require_one_end(extents);
    for (ZipExtent& extent : extents) {
      zip_.has_checksums = zip_.has_checksums || extent.entry.crc != 0;
      if (!extent.entry.name.ends_with('/')) zip_.entries.push_back(extent.entry);
    }
    return std::move(zip_);
  }

  /// The names in the directory as they are.
  std::vector<std::string_view> names() {
    std::vector<std::string_view> names;
    for_each_entry(find_directory(), [&](const ZipRecord&, std::string_view name, ZipRecord) {
      names.push_back(name);
    });
    return names;
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw FormatError(where_, fmt::format("zip: {}", what));
  }
  [[noreturn]] void refuse_truncated(const std::string& what) const {
    throw FormatError(where_, "zip: truncated: " + what, advice("download the file again"));
  }
  [[noreturn]] void refuse_parts() const {
    throw UnsupportedError(where_, "zip: an archive in several parts is unsupported");
  }
  [[noreturn]] void refuse_entry(std::string_view name, const std::string& what) const {
    refuse(fmt::format("entry '{}': {}", printable(name), what));
  }

  /// `size` bytes at `offset`, nothing where the file does not have them.
  std::optional<ZipRecord> record(std::uint64_t offset, std::uint64_t size) const {
    if (offset > bytes_.size() || bytes_.size() - offset < size) return std::nullopt;
    return ZipRecord{bytes_.subspan(narrow<std::size_t>(offset), narrow<std::size_t>(size))};
  }

  std::size_t find_end();
  DirectoryPlace find_directory();
  DirectoryPlace read_zip64_end(std::size_t locator_at, const ZipRecord& end) const;
  void require_place(const DirectoryPlace& place) const;
  template <class Use>
  void for_each_entry(const DirectoryPlace& place, Use&& use) const;
  std::vector<ZipExtent> read_directory(const DirectoryPlace& place) const;
  ZipExtent read_entry(const ZipRecord& central, std::string_view name, ZipRecord extra) const;
  void require_name(std::string_view name) const;
  void require_form(std::string_view name, unsigned flags, unsigned method) const;
  void require_unique_names(const std::vector<ZipExtent>& extents) const;
  void require_disjoint(const std::vector<ZipExtent>& extents, std::uint64_t directory);
  void require_one_end(const std::vector<ZipExtent>& extents) const;

  std::span<const std::byte> bytes_;
  const std::string& where_;
  std::vector<std::size_t> earlier_ends_;  ///< marks of an end record before the last
  Zip zip_;
};

/// The last mark with room for an end record, as torch and Python search. Refuses an earlier one
/// whose comment fits the end of the file; keeps the others for require_one_end.
std::size_t ZipReader::find_end() {
  const std::string_view text = text_of(bytes_);
  const std::size_t reach = kEndBytes + kMaxCommentBytes;
  const std::size_t from = text.size() - std::min(text.size(), reach);
  for (std::size_t at = text.find("PK\x05\x06"sv, from); at != std::string_view::npos;
       at = text.find("PK\x05\x06"sv, at + 1)) {
    if (text.size() - at < kEndBytes) break;
    earlier_ends_.push_back(at);
  }
  if (earlier_ends_.empty()) refuse_truncated("no end record");
  const std::size_t last = earlier_ends_.back();
  earlier_ends_.pop_back();
  for (const std::size_t at : earlier_ends_) {
    const std::size_t comment = ZipRecord{bytes_.subspan(at, kEndBytes)}.u16(20);
    if (at + kEndBytes + comment == bytes_.size()) refuse("several end records");
  }
  return last;
}

DirectoryPlace ZipReader::find_directory() {
  const std::size_t at = find_end();
  const ZipRecord end{bytes_.subspan(at, kEndBytes)};
  const std::size_t behind = bytes_.size() - at - kEndBytes;
  const std::size_t comment = end.u16(20);
  if (comment > behind) {
    refuse_truncated(fmt::format("expected a comment of {} bytes, got {}", comment, behind));
  }
  if (comment < behind) {
    zip_.notes.push_back(
        {NoteCode::kZipTrailingBytes, where_, {{"bytes", std::to_string(behind - comment)}}});
  }
  if (end.u16(4) != 0 || end.u16(6) != 0 || end.u16(8) != end.u16(10)) {
    refuse_parts();
  }
  DirectoryPlace place{end.u16(10), end.u32(16), end.u32(12), at};
  if (at >= kLocatorBytes && text_of(bytes_).substr(at - kLocatorBytes).starts_with("PK\x06\x07")) {
    place = read_zip64_end(at - kLocatorBytes, end);
  }
  require_place(place);
  return place;
}

/// Reads the zip64 end record. The end record must have the same numbers, or marks for too large
/// ones.
DirectoryPlace ZipReader::read_zip64_end(std::size_t locator_at, const ZipRecord& end) const {
  const ZipRecord locator{bytes_.subspan(locator_at, kLocatorBytes)};
  const std::uint64_t at = locator.u64(8);
  const auto found = record(at, kZip64EndBytes);
  if (!found || !text_of(found->bytes).starts_with("PK\x06\x06") ||
      at + kZip64EndBytes != locator_at || found->u64(4) != kZip64EndBytes - 12) {
    refuse(fmt::format("no zip64 end record at {}, right before its locator", at));
  }
  if (locator.u32(4) != 0 || locator.u32(16) > 1 || found->u32(16) != 0 || found->u32(20) != 0 ||
      found->u64(24) != found->u64(32)) {
    refuse_parts();
  }
  const DirectoryPlace place{found->u64(32), found->u64(48), found->u64(40), at};
  if ((end.u16(10) != kCountIn64 && end.u16(10) != place.count) ||
      (end.u32(12) != kIn64 && end.u32(12) != place.size) ||
      (end.u32(16) != kIn64 && end.u32(16) != place.offset)) {
    refuse("the zip64 end record differs from the end record");
  }
  return place;
}

void ZipReader::require_place(const DirectoryPlace& place) const {
  const auto end = checked_add(place.offset, place.size);
  if (!end || *end != place.end) {
    refuse(fmt::format("directory: expected its end at {}, got {} bytes from {} on", place.end,
                       place.size, place.offset));
  }
  if (place.count > kMaxZipEntries) {
    refuse(
        fmt::format("directory: expected at most {} entries, got {}", kMaxZipEntries, place.count));
  }
  if (place.count == 0) refuse("no entries");
}

/// Calls use(record, name, extra field) for each entry of the directory.
template <class Use>
void ZipReader::for_each_entry(const DirectoryPlace& place, Use&& use) const {
  std::uint64_t count = 0;
  std::uint64_t at = place.offset;
  while (at < place.end && count <= place.count) {
    const auto central = at + kCentralBytes <= place.end ? record(at, kCentralBytes) : std::nullopt;
    if (!central || !text_of(central->bytes).starts_with("PK\x01\x02")) {
      refuse(fmt::format("directory: no entry at {}", at));
    }
    const std::uint64_t name_bytes = central->u16(28);
    const std::uint64_t extra_bytes = central->u16(30);
    const std::uint64_t size = kCentralBytes + name_bytes + extra_bytes + central->u16(32);
    if (size > place.end - at) refuse("directory: its last entry is truncated");
    use(*central, text_of(record(at + kCentralBytes, name_bytes)->bytes),
        *record(at + kCentralBytes + name_bytes, extra_bytes));
    ++count;
    at += size;
  }
  if (count != place.count) {
    refuse(fmt::format("directory: expected {} entries, got {}", place.count,
                       count > place.count ? "more" : std::to_string(count)));
  }
}

std::vector<ZipExtent> ZipReader::read_directory(const DirectoryPlace& place) const {
  std::vector<ZipExtent> extents;
  for_each_entry(place, [&](const ZipRecord& central, std::string_view name, ZipRecord extra) {
    extents.push_back(read_entry(central, name, extra));
  });
  return extents;
}

void ZipReader::require_name(std::string_view name) const {
  if (name.size() > kMaxZipNameBytes) {
    refuse_entry(name, fmt::format("name: expected at most {} bytes, got {}", kMaxZipNameBytes,
                                   name.size()));
  }
  std::string_view rest = name.ends_with('/') ? name.substr(0, name.size() - 1) : name;
  bool plain = name.find_first_of("\0\\"sv) == std::string_view::npos;
  for (bool more = true; more;) {
    const std::size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    plain = plain && !part.empty() && part != "." && part != "..";
    more = slash != std::string_view::npos;
    if (more) rest.remove_prefix(slash + 1);
  }
  if (!plain) refuse_entry(name, "name: expected plain parts between '/'");
}

void ZipReader::require_form(std::string_view name, unsigned flags, unsigned method) const {
  if ((flags & ~kKnownFlags) != 0) {
    throw UnsupportedError(
        where_, fmt::format("zip: entry '{}': unsupported flags 0x{:04x}", printable(name), flags));
  }
  if (method != 0) {
    throw UnsupportedError(
        where_,
        fmt::format("zip: entry '{}': unsupported compression method {}{}", printable(name), method,
                    method == 8 ? " (deflate)" : ""),
        advice("pack it again without compression, or load and save it with torch"));
  }
}

/// Reads the eight-byte values of extra field 1, in order, for each of `values` with the mark.
void resolve_zip64(ZipRecord extra, std::span<std::uint64_t* const> values) {
  std::size_t at = 0;
  while (extra.bytes.size() - at >= 4) {
    const std::size_t size = extra.u16(at + 2);
    if (size > extra.bytes.size() - at - 4) return;
    if (extra.u16(at) == 1) {
      const ZipRecord field{extra.bytes.subspan(at + 4, size)};
      std::size_t next = 0;
      for (std::uint64_t* value : values) {
        if (*value != kIn64) continue;
        if (size - next < 8) return;
        *value = field.u64(next);
        next += 8;
      }
      return;
    }
    at += 4 + size;
  }
}

ZipExtent ZipReader::read_entry(const ZipRecord& central, std::string_view name,
                                ZipRecord extra) const {
  require_name(name);
  require_form(name, central.u16(8), central.u16(10));
  std::uint64_t size = central.u32(24);
  std::uint64_t packed = central.u32(20);
  std::uint64_t offset = central.u32(42);
  const std::array<std::uint64_t*, 3> wide = {&size, &packed, &offset};
  resolve_zip64(extra, wide);
  if (size != packed) {
    refuse_entry(name, fmt::format("size: expected {} stored bytes, got {}", size, packed));
  }
  if (central.u16(34) != 0) refuse_parts();
  if (name.ends_with('/') && size != 0) refuse_entry(name, "a folder with content");
  const auto local = record(offset, kLocalBytes);
  if (!local || !text_of(local->bytes).starts_with("PK\x03\x04")) {
    refuse_entry(name, fmt::format("no local header at {}{}", offset,
                                   local ? "" : ", beyond the end of the file"));
  }
  require_form(name, local->u16(6), local->u16(8));
  const auto local_name = record(offset + kLocalBytes, local->u16(26));
  if (!local_name || text_of(local_name->bytes) != name) {
    refuse_entry(name, fmt::format("its local header has another name, '{}'",
                                   local_name ? printable(text_of(local_name->bytes)) : ""));
  }
  const std::uint64_t begin = offset + kLocalBytes + local->u16(26) + local->u16(28);
  const auto content = record(begin, size);
  if (!content) {
    refuse_truncated(
        fmt::format("entry '{}' has {} bytes from {} on", printable(name), size, begin));
  }
  return {{name, content->bytes, central.u32(16)}, offset, begin + size, (local->u16(6) & 8U) != 0};
}

void ZipReader::require_unique_names(const std::vector<ZipExtent>& extents) const {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  const auto before = [&](std::string_view a, std::string_view b) {
    return std::ranges::lexicographical_compare(a, b, {}, lower, lower);
  };
  std::vector<std::string_view> names;
  names.reserve(extents.size());
  for (const ZipExtent& extent : extents) names.push_back(extent.entry.name);
  std::ranges::sort(names, before);
  const auto twice = std::ranges::adjacent_find(
      names, [&](std::string_view a, std::string_view b) { return !before(a, b); });
  if (twice != names.end()) {
    refuse_entry(*twice, "duplicate name, regardless of case");
  }
}

/// Throws unless the extents, in the order of the file, end before the next begins, and the last
/// before the directory. Notes unused bytes between them: some programs that pack again leave them.
void ZipReader::require_disjoint(const std::vector<ZipExtent>& extents, std::uint64_t directory) {
  constexpr std::uint64_t kLongestDescriptor = 24;
  std::vector<std::size_t> order(extents.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return extents[i].begin; });
  std::uint64_t unused = extents[order.front()].begin;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const ZipExtent& extent = extents[order[i]];
    const std::uint64_t next = i + 1 < order.size() ? extents[order[i + 1]].begin : directory;
    if (extent.end > next) {
      refuse_entry(extent.entry.name,
                   fmt::format("it ends at {} and overlaps {}, which begins at {}", extent.end,
                               i + 1 < order.size() ? "the next entry" : "the directory", next));
    }
    const std::uint64_t gap = next - extent.end;
    if (!extent.described || gap > kLongestDescriptor) unused += gap;
  }
  if (unused != 0) {
    zip_.notes.push_back({NoteCode::kZipUnusedBytes, where_, {{"bytes", std::to_string(unused)}}});
  }
}

/// Throws unless the other marks of an end record are inside the contents of entries.
void ZipReader::require_one_end(const std::vector<ZipExtent>& extents) const {
  if (earlier_ends_.empty()) return;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> contents;
  for (const ZipExtent& extent : extents) {
    contents.emplace_back(extent.end - extent.entry.data.size(), extent.end);
  }
  std::ranges::sort(contents);
  for (const std::size_t at : earlier_ends_) {
    const auto next = std::ranges::upper_bound(contents, std::uint64_t{at}, {},
                                               &std::pair<std::uint64_t, std::uint64_t>::first);
    const bool inside = next != contents.begin() && at + 4 <= std::prev(next)->second;
    if (!inside) refuse("several end records");
  }
}

}  // namespace

std::vector<std::string_view> list_zip_names(std::span<const std::byte> bytes) {
  try {
    return ZipReader(bytes, "zip").names();
  } catch (const Error&) {
    return {};
  }
}

Zip parse_zip(std::span<const std::byte> bytes, const std::string& where) {
  return ZipReader(bytes, where).read();
}

void require_crc(const ZipEntry& entry, const std::string& where) {
  const std::uint32_t got = crc32(entry.data);
  if (got != entry.crc) {
    throw FormatError(where,
                      fmt::format("zip: entry '{}' is damaged: expected CRC-32 {:08x}, got {:08x}",
                                  printable(entry.name), entry.crc, got),
                      advice("download the file again"));
  }
}

}  // namespace weightlift
