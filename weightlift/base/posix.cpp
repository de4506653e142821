#include "weightlift/base/posix.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <random>
#include <system_error>
#include <vector>

#include "weightlift/base/bytes.h"
#include "weightlift/base/message.h"

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

std::string environment_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? "" : value;
}

std::string read_system_file(const std::filesystem::path& path) {
  constexpr std::size_t kMaxBytes = std::size_t{1} << 20, kPieceBytes = 4096;
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  while (file && text.size() < kMaxBytes) {
    const std::size_t had = text.size();
    text.resize(had + kPieceBytes);
    const ssize_t length = ::read(file.get(), &text[had], kPieceBytes);
    text.resize(had + static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
    if (length == 0 || (length < 0 && errno != EINTR)) break;
  }
  return text;
}

std::string shown(const std::filesystem::path& path) {
  constexpr std::size_t kMaxPathBytes = 4096;
  return printable(path.native(), kMaxPathBytes);
}

void throw_io_error(const std::filesystem::path& path, std::string_view what, int error_number) {
  std::string message = fmt::format("{}: {}", what, std::generic_category().message(error_number));
  if (error_number == ENOENT || error_number == ENOTDIR) {
    throw NotFoundError(shown(path), std::move(message));
  }
  if (error_number == ENOMEM) throw NoMemoryError(shown(path), std::move(message));
  if (error_number == EEXIST) throw ExistsError(shown(path), std::move(message));
  throw IoError(shown(path), std::move(message));
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

std::int64_t modified_ns(const struct stat& status) {
  constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
  return status.st_mtim.tv_sec * kNanosecondsPerSecond + status.st_mtim.tv_nsec;
}

void require_regular(const std::filesystem::path& path, const struct stat& status) {
  if (S_ISREG(status.st_mode)) return;
  throw IoError(shown(path),
                fmt::format("expected a regular file, got {}", kind_of(status.st_mode)));
}

OpenedFile open_regular(const std::filesystem::path& path) {
  constexpr std::string_view kCannotOpen = "cannot open";
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) throw NotFoundError(shown(path), "not found");
    throw_io_error(path, kCannotOpen, errno);
  }
  require_regular(path, status);
  // By now the path may lead to a FIFO or a terminal: the flags keep the program from waiting for
  // the one, and from adopting the other.
  Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!descriptor || ::fstat(descriptor.get(), &status) != 0) {
    throw_io_error(path, kCannotOpen, errno);
  }
  require_regular(path, status);
  return {std::move(descriptor), narrow<std::uint64_t>(status.st_size), modified_ns(status),
          status.st_dev, status.st_ino};
}

void hold_standard_descriptors() {
  for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(number, F_GETFD) >= 0 || errno != EBADF) continue;
    // open() takes this number, the least free one. The mode is the wrong one on purpose: reading
    // and writing fail with EBADF.
    const int opened = ::open("/dev/null", number == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    if (opened != number)
      throw_io_error("/dev/null", "cannot replace a closed standard stream", errno);
  }
}

void require_descriptors(int count) {
  std::vector<Descriptor> opened;
  for (int i = 0; i < count; ++i) {
    opened.emplace_back(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0));
    if (!opened.back()) {
      throw IoError("open files",
                    fmt::format("expected room for {} more, got {}: {}", count, i,
                                std::generic_category().message(errno)),
                    advice("raise the limit (ulimit -n)"));
    }
  }
}

void require_memory(std::size_t size_bytes) {
  void* const room =
      ::mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) {
    throw NoMemoryError("", fmt::format("out of memory: cannot get {} MiB more", size_bytes >> 20U),
                        advice("free memory, or raise the limit (ulimit -v)"));
  }
  ::munmap(room, size_bytes);
}

std::string hidden_name(std::string_view name, std::string_view ending) {
  return fmt::format(".{}{}", name.substr(0, NAME_MAX - 1 - ending.size()), ending);
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
