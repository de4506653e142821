#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "weightlift/base/posix.h"

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

  /// Throws FormatError where the file's size or modification time is no longer what it was at
  /// opening, or a page of it could not be read (see guard_mapped_files): what was read from it
  /// then is not to be trusted. Also to be asked when a system call that was handed these bytes
  /// fails: write(2) of a page that the file lost says EFAULT and raises no signal.
  void require_intact() const;

  struct Range;  ///< Internal: where a file is mapped, as the signal handler finds it.

 private:
  MappedFile(std::filesystem::path path, Descriptor descriptor, std::size_t size_bytes,
             std::int64_t modified_ns);
  std::filesystem::path path_;
  Descriptor descriptor_;
  std::size_t size_bytes_;
  std::int64_t modified_ns_;
  std::span<const std::byte> bytes_;
  Range* range_ = nullptr;
};

/// For programs, once at the start: reading a page that a mapped file no longer has (SIGBUS) then
/// gives zeros, from that page to the end, and require_intact() reports it, instead of ending the
/// process. A SIGBUS elsewhere does what it did before. Without this call the signal is left alone.
void guard_mapped_files();

/// Says that `bytes` have been used, where they are part of a live MappedFile: their memory is
/// given back soon, with what lies up to 2 MiB beside them; less than 4 MiB of each file wait.
/// Reading them again brings them back. Does nothing for other memory.
void release_mapped(std::span<const std::byte> bytes);

/// Zeros that take no memory until they are read. Throws IoError where the address space is full.
std::shared_ptr<const std::byte> map_zeros(std::size_t size_bytes);

/// Whether `path` is `folder` or lies in it, links followed as far as they lead somewhere. False
/// where the system does not say.
bool is_within(const std::filesystem::path& path, const std::filesystem::path& folder);

/// The whole of a small file. Throws FormatError beyond `max_bytes`, else as MappedFile::open.
std::string read_text_file(const std::filesystem::path& path, std::size_t max_bytes);

/// Replaces or makes the file in one step: written beside, then renamed. Throws IoError where the
/// system refuses, or where the name belongs to something that is no regular file.
void write_atomically(const std::filesystem::path& path, std::string_view content);

/// The same for a function that makes the file whose path it is given; what it throws passes
/// through, with `path` for the other name in the message of an IoError.
void write_atomically(const std::filesystem::path& path,
                      const std::function<void(const std::filesystem::path&)>& make);

}  // namespace weightlift
