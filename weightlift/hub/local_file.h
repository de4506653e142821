#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>

namespace weightlift {

/// A file to upload, held by its path and by what it was when it was first seen: each later look
/// opens it anew, so that a folder of thousands needs no descriptors, and finds out where it has
/// become another one. Threads may share it.
class LocalFile {
 public:
  /// Throws IoError unless the path leads to a regular file that can be read.
  explicit LocalFile(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }
  std::uint64_t size_bytes() const { return size_bytes_; }

  /// The bytes from `offset` on, as many as `into` holds. Throws FormatError where the file is no
  /// longer what it was (size, modification time, inode), std::out_of_range beyond its end.
  void read(std::uint64_t offset, std::span<std::byte> into) const;

  /// Throws FormatError where the file is no longer what it was.
  void require_unchanged() const;

  /// SHA-256 of the content in hex digits; `progress` is told the bytes done and may throw.
  std::string sha256(const std::function<void(std::uint64_t)>& progress = {}) const;

  /// Git's name for the content (Hasher::git_blob), otherwise the same.
  std::string git_blob_sha1(const std::function<void(std::uint64_t)>& progress = {}) const;

 private:
  std::filesystem::path path_;
  std::uint64_t size_bytes_ = 0;
  std::int64_t modified_ns_ = 0;
  std::uint64_t device_ = 0, inode_ = 0;
};

}  // namespace weightlift
