#include "weightlift/base/posix.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <random>
#include <system_error>

#include "weightlift/base/error.h"

namespace weightlift {

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    reset();
    number_ = std::exchange(other.number_, -1);
  }
  return *this;
}

void Descriptor::reset() {
  if (number_ >= 0) ::close(std::exchange(number_, -1));
}

std::string shown(const std::filesystem::path& path) {
  constexpr std::size_t kMaxPathBytes = 4096;
  return printable(path.native(), kMaxPathBytes);
}

void throw_io_error(const std::filesystem::path& path, std::string_view what, int error_number) {
  throw IoError(
      fmt::format("{}: {}: {}", shown(path), what, std::generic_category().message(error_number)));
}

std::string_view kind_of(unsigned int mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return "a regular file";
    case S_IFDIR:
      return "a folder";
    case S_IFLNK:
      return "a symbolic link";
    case S_IFIFO:
      return "a FIFO";
    case S_IFSOCK:
      return "a socket";
    default:
      return "a device";
  }
}

std::string random_suffix() {
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  std::random_device random;
  std::uniform_int_distribution<std::size_t> letter(0, kLetters.size() - 1);
  std::string suffix(6, ' ');
  for (char& c : suffix) c = kLetters[letter(random)];
  return suffix;
}

}  // namespace weightlift
