#include "weightlift/image/exif.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "weightlift/progress.h"

namespace weightlift {

namespace {

// A TIFF structure is a header, "II" or "MM" for the byte order, 42, and the offset of the first
// directory; a directory is a count and entries of 12 bytes: tag, type, count, value or its offset.
constexpr std::uint32_t kOrientationTag = 0x0112;
constexpr std::size_t kEntryBytes = 12;
constexpr std::size_t kInlineBytes = 4;
constexpr int kLastOrientation = 8;

struct TiffBytes {
  std::string_view data;
  bool big_endian;

  /// Returns the unsigned integer of `size` bytes at `offset`, nothing beyond the data.
  std::optional<std::uint32_t> load(std::size_t offset, std::size_t size) const {
    if (offset > data.size() || data.size() - offset < size) return std::nullopt;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t at = offset + (big_endian ? i : size - 1 - i);
      value = value << 8U | static_cast<unsigned char>(data[at]);
    }
    return value;
  }
};

/// Returns the bytes of one value of an integer type, 0 for other types. Signed types are read like
/// unsigned ones, because no orientation is negative.
std::size_t integer_bytes(std::uint32_t type) {
  constexpr std::uint32_t kShort = 3, kLong = 4, kSignedByte = 6, kSignedShort = 8, kSignedLong = 9;
  switch (type) {
    case kSignedByte:
      return 1;
    case kShort:
    case kSignedShort:
      return 2;
    case kLong:
    case kSignedLong:
      return 4;
    default:
      return 0;
  }
}

/// The first value of the entry at `offset`.
std::optional<std::uint32_t> load_entry(const TiffBytes& tiff, std::size_t offset) {
  const std::uint32_t count = tiff.load(offset + 4, 4).value_or(0);
  const std::size_t unit_bytes = integer_bytes(tiff.load(offset + 2, 2).value_or(0));
  if (count == 0 || unit_bytes == 0) return std::nullopt;
  if (count <= kInlineBytes / unit_bytes) return tiff.load(offset + 8, unit_bytes);
  const auto elsewhere = tiff.load(offset + 8, 4);
  return elsewhere ? tiff.load(*elsewhere, unit_bytes) : std::nullopt;
}

std::optional<TiffBytes> open_tiff(std::string_view data) {
  constexpr std::array<std::string_view, 4> kHeaders = {
      std::string_view("II\x2A\0", 4), std::string_view("MM\0\x2A", 4),
      // Pillow also accepts mixed-up byte orders.
      std::string_view("II\0\x2A", 4), std::string_view("MM\x2A\0", 4)};
  const bool known = std::ranges::find(kHeaders, data.substr(0, 4)) != kHeaders.end();
  if (!known) return std::nullopt;
  return TiffBytes{data, data.front() == 'M'};
}

std::optional<int> exif_orientation(std::string_view exif, Notes& notes) {
  constexpr std::string_view kPrefix("Exif\0\0", 6);
  for (int i = 0; i < 2 && exif.starts_with(kPrefix); ++i) exif.remove_prefix(kPrefix.size());
  if (exif.empty()) return std::nullopt;
  const auto tiff = open_tiff(exif);
  const auto directory = tiff ? tiff->load(4, 4) : std::nullopt;
  const auto count = directory ? tiff->load(*directory, 2) : std::nullopt;
  if (!count) {
    notes.push_back({NoteCode::kExifInvalid});
    return std::nullopt;
  }
  for (std::size_t i = 0; i < *count; ++i) {
    const std::size_t entry = *directory + 2 + kEntryBytes * i;
    const auto tag = tiff->load(entry, 2);
    if (!tag) break;
    if (*tag != kOrientationTag) continue;
    const auto value = load_entry(*tiff, entry);
    if (!value) continue;
    return *value <= kLastOrientation ? static_cast<int>(*value) : 0;
  }
  return std::nullopt;
}

/// Matches Pillow's pattern: tiff:Orientation(="|>)([0-9]).
std::optional<int> xmp_orientation(std::string_view xmp) {
  constexpr std::string_view kName = "tiff:Orientation";
  for (auto at = xmp.find(kName); at != xmp.npos; at = xmp.find(kName, at + 1)) {
    std::string_view rest = xmp.substr(at + kName.size());
    if (rest.starts_with("=\"")) {
      rest.remove_prefix(2);
    } else if (rest.starts_with('>')) {
      rest.remove_prefix(1);
    } else {
      continue;
    }
    if (!rest.empty() && rest.front() >= '0' && rest.front() <= '9') return rest.front() - '0';
  }
  return std::nullopt;
}

}  // namespace

int find_orientation(const ImageMetadata& metadata, Notes& notes) {
  auto orientation = exif_orientation(metadata.exif, notes);
  if (!orientation) orientation = xmp_orientation(metadata.xmp);
  const int value = orientation.value_or(1);
  return value >= 1 && value <= kLastOrientation ? value : 1;
}

}  // namespace weightlift
