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

/// A regular file mapped read-only. It is opened only once: all bytes are of one file, whatever
/// happens to its name. An empty file maps to no bytes.
class MappedFile {
 public:
  /// Throws NotFoundError where there is no file, and IoError with errno's text where the system
  /// refuses. Also throws IoError for anything but a regular file (a folder, a FIFO, a device),
  /// which is never opened, so that nothing hangs.
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::span<const std::byte> bytes() const { return bytes_; }

  /// Throws FormatError where the file's size or modification time changed since it was opened, or
  /// where a page of it could not be read (see guard_mapped_files). What was read from it is then
  /// not to be trusted. Call it also when a system call on these bytes fails: write(2) of a page
  /// that the file lost fails with EFAULT, without a signal.
  void require_intact() const;

  struct Range;  ///< Internal: where a file is mapped, for the signal handler.

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

/// Handles SIGBUS, for programs, once at the start. Reading a page that a mapped file no longer has
/// then gives zeros from that page to the end, and require_intact() reports it; the process goes
/// on. A SIGBUS elsewhere does what it did before. Without this call the signal is left alone.
void guard_mapped_files();

/// Excludes the MappedFile that contains `bytes` from guard_mapped_files(), for readers that would
/// take the zeros for its content. Does nothing for other memory.
void exclude_from_guard(std::span<const std::byte> bytes);

/// Marks `bytes`, a part of a live MappedFile, as used: the program returns their memory to the
/// system soon, with up to 2 MiB on either side. Less than 4 MiB of each file wait. Reading them
/// again loads them again. Does nothing for other memory.
void release_mapped(std::span<const std::byte> bytes);

/// Zeros that take no memory until they are read. Throws NoMemoryError where the address space is
/// full.
std::shared_ptr<const std::byte> map_zeros(std::size_t size_bytes);

/// Throws IoError for a path with a NUL byte, at which the system would end it.
void require_no_nul(const std::filesystem::path& path);

/// The type of what the path leads to, file_type::not_found where there is nothing. Throws IoError
/// where the system refuses.
std::filesystem::file_type type_at(const std::filesystem::path& path);

/// Whether the path leads to anything. Throws IoError as type_at.
bool is_there(const std::filesystem::path& path);

/// Whether `path` is `folder` or lies in it; existing links are followed. False where the system
/// cannot tell.
bool is_within(const std::filesystem::path& path, const std::filesystem::path& folder);

/// The text of a small file. Throws FormatError beyond `max_bytes`, else as MappedFile::open.
std::string read_text_file(const std::filesystem::path& path, std::size_t max_bytes);

/// The same; empty where there is no regular file.
std::string read_text_if_there(const std::filesystem::path& path, std::size_t max_bytes);

/// Creates or replaces the file in one step: writes another one in the same folder, then renames
/// it. Throws NotFoundError where the folder is missing, and IoError where the system refuses or
/// the name belongs to anything but a regular file.
void write_atomically(const std::filesystem::path& path, std::string_view content);

/// The same for a function that creates the file at the path it receives. What it throws passes
/// through; an IoError or NotFoundError names `path` instead of the other file.
void write_atomically(const std::filesystem::path& path,
                      const std::function<void(const std::filesystem::path&)>& make);

}  // namespace weightlift
