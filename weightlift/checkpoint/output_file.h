#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

namespace weightlift {

/// Called after each piece with the bytes written so far and the total. May throw, to stop writing.
using WriteProgress = std::function<void(std::uint64_t bytes_done, std::uint64_t bytes_total)>;

/// A new file of known size that is written from front to end, in pieces; progress is reported
/// after each. Throws ExistsError where the file exists, and NotFoundError or IoError where the
/// system refuses. After an exception a part of the file may remain. `path` and `progress` outlive
/// it.
class OutputFile {
 public:
  OutputFile(const std::filesystem::path& path, std::uint64_t total_bytes,
             const WriteProgress& progress);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  /// Adds bytes at the end, and releases them where they are mapped.
  void append(std::span<const std::byte> bytes);
  void append(std::string_view text) { append(std::as_bytes(std::span(text))); }

  /// Call it at the end: some file systems report a full disk only now.
  void close();

 private:
  [[noreturn]] void fail() const;
  void reserve_space() const;
  void flush();
  void write_pieces(std::span<const std::byte> bytes);
  void write_all(std::span<const std::byte> bytes) const;

  const std::filesystem::path& path_;
  std::uint64_t total_bytes_;
  const WriteProgress& progress_;
  int descriptor_ = -1;
  std::uint64_t done_bytes_ = 0;
  std::vector<std::byte> buffer_;
};

}  // namespace weightlift
