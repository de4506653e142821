#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace weightlift {

/// The headers of a zip whose entries are stored and begin at multiples of 64 bytes. Where each
/// entry lies, and how long the file becomes, follows from names and sizes alone; checksums are
/// asked for when an entry is written. The same input gives the same bytes.
class ZipWriter {
 public:
  /// Plans one more entry. Names are unique ASCII of at most 65,535 bytes.
  void add(std::string name, std::uint64_t size_bytes);

  /// What precedes the content of the i-th entry that was added.
  std::string local_header(std::size_t i, std::uint32_t crc);

  /// What follows the content of the last entry. Every local_header() was asked for before.
  std::string directory() const;

  /// Of the whole file.
  std::uint64_t total_bytes() const;

 private:
  struct Entry {
    std::string name;
    std::uint64_t size = 0;
    std::uint64_t offset = 0;  // of its local header
    std::uint64_t begin = 0;   // of its content
    std::uint32_t crc = 0;
  };
  std::vector<Entry> entries_;
  std::uint64_t end_ = 0;  // of the last entry's content
};

}  // namespace weightlift
