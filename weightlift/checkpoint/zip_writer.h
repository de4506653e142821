#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace weightlift {

/// Makes the headers of a zip whose entries are stored and begin at multiples of 64 bytes. Names
/// and sizes alone decide on the place of each entry and the size of the file; checksums are needed
/// only when an entry is written. The same input gives the same bytes.
class ZipWriter {
 public:
  /// Plans one more entry. Names are unique ASCII of at most 65,535 bytes.
  void add(std::string name, std::uint64_t size_bytes);

  /// The bytes before the content of the i-th entry.
  std::string local_header(std::size_t i, std::uint32_t crc);

  /// The bytes after the content of the last entry. Call local_header() for every entry before.
  std::string directory() const;

  /// Size of the whole file.
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
