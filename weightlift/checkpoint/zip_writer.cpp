#include "weightlift/checkpoint/zip_writer.h"

#include <algorithm>
#include <utility>

#include "weightlift/base/bytes.h"

// The layout that zip.cpp draws, without data descriptors: the local headers also have sizes and
// checksums, for programs that read a zip from its front. Values beyond 32 bits go into extra field
// 1; zip64 records are written only where there are such values.

namespace weightlift {

namespace {

constexpr std::uint64_t kLocalHeaderBytes = 30;
constexpr std::uint64_t kZip64RecordBytes = 56;
constexpr std::uint64_t kExtraHeadBytes = 4;

constexpr std::uint32_t kWideMark = 0xFFFFFFFFU;
constexpr std::uint16_t kWideCount = 0xFFFFU;
constexpr std::uint16_t kPlainVersion = 10;
constexpr std::uint16_t kZip64Version = 45;
/// 1980-01-01, the first possible date: the same tensors give the same bytes on any day.
constexpr std::uint16_t kDate = 0x0021;

/// Readers that map the file compute with the bytes in place. torch pads to 64 with the same extra
/// field, "FB" and the number of Z that is needed.
constexpr std::uint64_t kAlignment = 64;
constexpr std::uint16_t kPaddingId = 0x4246;

void put16(std::uint64_t value, std::string& out) {
  append_little_endian(narrow<std::uint16_t>(value), out);
}
void put32(std::uint64_t value, std::string& out) {
  append_little_endian(narrow<std::uint32_t>(value), out);
}
void put64(std::uint64_t value, std::string& out) { append_little_endian(value, out); }

bool is_wide(std::uint64_t value) { return value >= kWideMark; }
std::uint64_t or_wide_mark(std::uint64_t value) {
  return std::min<std::uint64_t>(value, kWideMark);
}

/// Extra field 1 with these values, empty where there are none.
std::string zip64_field(const std::vector<std::uint64_t>& values) {
  std::string field;
  if (values.empty()) return field;
  put16(1, field);
  put16(values.size() * sizeof(std::uint64_t), field);
  for (const std::uint64_t value : values) put64(value, field);
  return field;
}

std::vector<std::uint64_t> wide_sizes(std::uint64_t size) {
  return is_wide(size) ? std::vector{size, size} : std::vector<std::uint64_t>{};
}

/// From the version on, what a local and a central header have in common.
void put_shared_fields(const std::string& name, std::uint64_t size, std::uint32_t crc, bool wide,
                       std::size_t extra_bytes, std::string& out) {
  put16(wide ? kZip64Version : kPlainVersion, out);
  out.append(6, '\0');  // flags, method, time
  put16(kDate, out);
  put32(crc, out);
  put32(or_wide_mark(size), out);
  put32(or_wide_mark(size), out);
  put16(name.size(), out);
  put16(extra_bytes, out);
}

bool needs_zip64(std::uint64_t count, std::uint64_t offset, std::uint64_t size) {
  return count >= kWideCount || is_wide(offset) || is_wide(size);
}

std::string zip64_end(std::uint64_t count, std::uint64_t offset, std::uint64_t size) {
  std::string out = "PK\x06\x06";
  put64(kZip64RecordBytes - 12, out);
  put16(kZip64Version, out);
  put16(kZip64Version, out);
  out.append(8, '\0');  // disks
  put64(count, out);
  put64(count, out);
  put64(size, out);
  put64(offset, out);
  out += "PK\x06\x07";
  put32(0, out);
  put64(offset + size, out);
  put32(1, out);
  return out;
}

}  // namespace

void ZipWriter::add(std::string name, std::uint64_t size_bytes) {
  const std::uint64_t unpadded = end_ + kLocalHeaderBytes + name.size() +
                                 zip64_field(wide_sizes(size_bytes)).size() + kExtraHeadBytes;
  const std::uint64_t begin = (unpadded + kAlignment - 1) / kAlignment * kAlignment;
  entries_.push_back({std::move(name), size_bytes, end_, begin, 0});
  end_ = begin + size_bytes;
}

std::string ZipWriter::local_header(std::size_t i, std::uint32_t crc) {
  Entry& entry = entries_.at(i);
  entry.crc = crc;
  const std::string zip64 = zip64_field(wide_sizes(entry.size));
  const std::uint64_t extra_bytes =
      entry.begin - entry.offset - kLocalHeaderBytes - entry.name.size();
  std::string out = "PK\x03\x04";
  put_shared_fields(entry.name, entry.size, crc, !zip64.empty(), extra_bytes, out);
  out += entry.name + zip64;
  const std::uint64_t padding = extra_bytes - zip64.size() - kExtraHeadBytes;
  put16(kPaddingId, out);
  put16(padding, out);
  return out.append(padding, 'Z');
}

std::string ZipWriter::directory() const {
  std::string out;
  for (const Entry& entry : entries_) {
    std::vector<std::uint64_t> wide = wide_sizes(entry.size);
    if (is_wide(entry.offset)) wide.push_back(entry.offset);
    const std::string zip64 = zip64_field(wide);
    out += "PK\x01\x02";
    put16(0, out);  // made by
    put_shared_fields(entry.name, entry.size, entry.crc, !zip64.empty(), zip64.size(), out);
    out.append(10, '\0');  // no comment, disk 0, no attributes
    put32(or_wide_mark(entry.offset), out);
    out += entry.name + zip64;
  }
  const std::uint64_t size = out.size();
  if (needs_zip64(entries_.size(), end_, size)) out += zip64_end(entries_.size(), end_, size);
  out += "PK\x05\x06";
  put32(0, out);  // disks
  const auto count = std::min<std::uint64_t>(entries_.size(), kWideCount);
  put16(count, out);
  put16(count, out);
  put32(or_wide_mark(size), out);
  put32(or_wide_mark(end_), out);
  put16(0, out);  // no comment
  return out;
}

std::uint64_t ZipWriter::total_bytes() const { return end_ + directory().size(); }

}  // namespace weightlift
