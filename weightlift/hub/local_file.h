#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>

namespace weightlift {

/// A file to upload: its path, and its size, modification time and inode at construction. Each read
/// opens it again, so that thousands of files need no descriptors, and detects whether it has
/// changed. Threads may share it.
class LocalFile {
 public:
  /// Throws NotFoundError where the path does not exist, IoError where it is no readable regular
  /// file.
  explicit LocalFile(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }
  std::uint64_t size_bytes() const { return size_bytes_; }

  /// Fills `into` with the bytes from `offset` on. Throws FormatError where the file has changed
  /// (size, modification time, inode), std::out_of_range past its end.
  void read(std::uint64_t offset, std::span<std::byte> into) const;

  /// Throws FormatError where the file has changed.
  void require_unchanged() const;

  /// SHA-256 of the content in hex digits. Calls `progress` with the bytes done; it may throw.
  std::string sha256(const std::function<void(std::uint64_t)>& progress = {}) const;

  /// Git's blob SHA-1 of the content (Hasher::git_blob), otherwise the same.
  std::string git_blob_sha1(const std::function<void(std::uint64_t)>& progress = {}) const;

 private:
  std::filesystem::path path_;
  std::uint64_t size_bytes_ = 0;
  std::int64_t modified_ns_ = 0;
  std::uint64_t device_ = 0, inode_ = 0;
};

}  // namespace weightlift
