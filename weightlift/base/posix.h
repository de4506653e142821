#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

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

/// The path as a message shows it, whole.
std::string shown(const std::filesystem::path& path);

/// Throws IoError "path: what: errno's text".
[[noreturn]] void throw_io_error(const std::filesystem::path& path, std::string_view what,
                                 int error_number);

/// "a regular file", "a folder", "a symbolic link", ... for a stat's st_mode.
std::string_view kind_of(unsigned int mode);

/// Six letters and digits, as mkstemp chooses them.
std::string random_suffix();

}  // namespace weightlift
