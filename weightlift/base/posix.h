#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

struct stat;

namespace weightlift {

/// Owns a file descriptor and closes it.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept;

  int get() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }
  void reset();

 private:
  int number_ = -1;
};

/// The whole path as a message shows it.
std::string shown(const std::filesystem::path& path);

/// Throws "path: what: errno's text" as NotFoundError (ENOENT, ENOTDIR), ExistsError (EEXIST),
/// NoMemoryError (ENOMEM) or IoError.
[[noreturn]] void throw_io_error(const std::filesystem::path& path, std::string_view what,
                                 int error_number);

/// The value of a variable of the environment, empty where it is not set.
std::string environment_variable(const std::string& name);

/// The text of a file of /proc or /sys, which has no size, up to 1 MiB; empty where it cannot be
/// read.
std::string read_system_file(const std::filesystem::path& path);

/// "a regular file", "a folder", "a symbolic link", ... for a stat's st_mode.
std::string_view kind_of(unsigned int mode);

/// st_mtime of a stat, in nanoseconds.
std::int64_t modified_ns(const struct stat& status);

/// Throws IoError, which names what the path leads to, unless the stat is a regular file's.
void require_regular(const std::filesystem::path& path, const struct stat& status);

/// Opens those of standard input, output and error that the caller closed. Else a file could get
/// their number, and messages for its content. Using them still fails. Call it first.
void hold_standard_descriptors();

/// Throws IoError unless the process can open `count` more files. Else removing what it made may
/// fail, too.
void require_descriptors(int count);

/// Throws NoMemoryError unless the address space has room for that many bytes more. Call it before
/// a library that crashes, or ends the process, where it gets no memory.
void require_memory(std::size_t size_bytes);

/// A file that is open for reading, and its facts at that moment.
struct OpenedFile {
  Descriptor descriptor;
  std::uint64_t size_bytes = 0;
  std::int64_t modified_ns = 0;
  std::uint64_t device = 0, inode = 0;
};

/// Opens a regular file. Throws NotFoundError where there is none, and IoError where the system
/// refuses or the path leads to anything else, which is never opened, so that nothing hangs.
OpenedFile open_regular(const std::filesystem::path& path);

/// ".NAMEENDING", with a NAME that is shortened so that Linux takes the whole (255 bytes).
std::string hidden_name(std::string_view name, std::string_view ending);

/// Six letters and digits, as mkstemp chooses them.
std::string random_suffix();

}  // namespace weightlift
