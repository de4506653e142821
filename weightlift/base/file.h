#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace weightlift {

/// A regular file mapped read-only. Opened once and never again: what is read is one file, whatever
/// happens to its name. An empty file maps to no bytes.
class MappedFile {
 public:
  /// Throws IoError with errno's text where the path cannot be opened, and names what it is where
  /// it is no regular file (a folder, a FIFO, a device: never opened, so that nothing hangs).
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::span<const std::byte> bytes() const { return bytes_; }

  /// Throws FormatError where the file was shortened or a page of it could not be read since it was
  /// opened (see guard_mapped_files): what was read from it then is not to be trusted.
  void require_intact() const;

 private:
  MappedFile(std::filesystem::path path, int descriptor, std::span<const std::byte> bytes,
             std::size_t slot);
  std::filesystem::path path_;
  int descriptor_;
  std::span<const std::byte> bytes_;
  std::size_t slot_;
};

/// For programs, once at the start: reading a page that a mapped file no longer has (SIGBUS) then
/// gives zeros and marks the file, and require_intact() reports it, instead of ending the process.
/// A SIGBUS elsewhere ends the process as ever. Without this call the signal is left alone.
void guard_mapped_files();

/// Gives back the memory of the pages that lie wholly inside `bytes`, where these are part of a
/// live MappedFile; reading them again brings them back. Does nothing for other memory.
void release_mapped(std::span<const std::byte> bytes);

/// The whole of a small text file. Throws FormatError beyond `max_bytes`, else as MappedFile::open.
std::string read_text_file(const std::filesystem::path& path, std::size_t max_bytes);

/// Replaces or makes the file in one step: written beside, then renamed. Throws IoError.
void write_atomically(const std::filesystem::path& path, std::string_view content);

}  // namespace weightlift
