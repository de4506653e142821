#include "weightlift/base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>

#include "weightlift/base/bytes.h"
#include "weightlift/base/message.h"
#include "weightlift/base/text.h"

namespace weightlift {

namespace {

struct Stretch {
  std::uintptr_t begin = 0, end = 0;
};

/// Memory of a file that was used and is not yet returned to the system. One call serves many
/// tensors: a call costs as much as reading 100 KiB, since it interrupts every core that runs one
/// of the program's threads.
class UsedStretch {
 public:
  void add(Stretch more) {
    constexpr std::uintptr_t kMaxBytes = std::uintptr_t{4} << 20U;
    const bool joined = more.begin <= all_.end && all_.begin <= more.end;
    if (!joined) give_back();
    all_ = joined ? Stretch{std::min(all_.begin, more.begin), std::max(all_.end, more.end)} : more;
    if (all_.end - all_.begin < kMaxBytes) return;
    give_back();
    all_ = {};
  }

 private:
  void give_back() const {
    // A failure does no harm: the memory stays in use.
    if (all_.begin < all_.end) {
      ::madvise(reinterpret_cast<void*>(all_.begin), all_.end - all_.begin, MADV_DONTNEED);
    }
  }

  Stretch all_;
};

}  // namespace

/// One mapping. The ranges form a list that only grows: an unused range waits for the next file, so
/// that the signal handler can walk the list at any moment, without a lock.
struct MappedFile::Range {
  std::atomic<std::uintptr_t> begin{0};  ///< 0: not in use
  std::atomic<std::uintptr_t> end{0};
  std::atomic<bool> damaged{false};
  std::atomic<bool> guarded{true};
  UsedStretch used;  ///< guarded by ranges_mutex
  Range* next = nullptr;
};

namespace {

std::atomic<MappedFile::Range*> ranges{nullptr};
// Locked where ranges change, and while release_mapped uses one.
std::mutex ranges_mutex;
struct sigaction previous_action;

std::uintptr_t page_bytes() {
  static const auto bytes = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  return bytes;
}

std::uintptr_t address_of(std::span<const std::byte> bytes) {
  return reinterpret_cast<std::uintptr_t>(bytes.data());
}

MappedFile::Range* find_range(std::uintptr_t address) {
  for (MappedFile::Range* range = ranges; range != nullptr; range = range->next) {
    const std::uintptr_t begin = range->begin;
    if (begin != 0 && begin <= address && address < range->end) return range;
  }
  return nullptr;
}

MappedFile::Range* add_range(std::span<const std::byte> bytes) {
  const std::lock_guard lock(ranges_mutex);
  MappedFile::Range* range = ranges;
  while (range != nullptr && range->begin != 0) range = range->next;
  if (range == nullptr) {
    range = new MappedFile::Range;
    range->next = ranges;
    ranges = range;
  }
  range->damaged = false;
  range->used = {};
  range->guarded = true;
  range->end = address_of(bytes) + bytes.size();
  range->begin = address_of(bytes);
  return range;
}

/// Maps zeros over a mapped file from the page at `address` to the end. Safe in a signal handler.
bool replace_by_zeros(std::uintptr_t address) {
  MappedFile::Range* range = find_range(address);
  if (range == nullptr || !range->guarded) return false;
  range->damaged = true;
  const std::uintptr_t page = address & ~(page_bytes() - 1);
  return ::mmap(reinterpret_cast<void*>(page), range->end - page, PROT_READ,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
}

/// The bytes, and what the kernel may have mapped by the same fault: its cache can hold a file in
/// pieces of this size.
Stretch windows_of(std::span<const std::byte> bytes, const MappedFile::Range& range) {
  constexpr std::uintptr_t kWindowBytes = std::uintptr_t{2} << 20U;
  const std::uintptr_t begin = address_of(bytes), after = begin + bytes.size() + kWindowBytes - 1;
  return {std::max<std::uintptr_t>(begin & ~(kWindowBytes - 1), range.begin),
          std::min<std::uintptr_t>(after & ~(kWindowBytes - 1), range.end)};
}

void on_bus_error(int number, siginfo_t* info, void*) {
  const int saved_errno = errno;
  const bool from_kernel = info->si_code > 0;
  if (!from_kernel || !replace_by_zeros(reinterpret_cast<std::uintptr_t>(info->si_addr))) {
    // Not a mapped file: with the previous action, the instruction fails again on return.
    ::sigaction(SIGBUS, &previous_action, nullptr);
    if (!from_kernel) ::raise(number);
  }
  errno = saved_errno;
}

}  // namespace

MappedFile::MappedFile(std::filesystem::path path, Descriptor descriptor, std::size_t size_bytes,
                       std::int64_t modified_ns)
    : path_(std::move(path)),
      descriptor_(std::move(descriptor)),
      size_bytes_(size_bytes),
      modified_ns_(modified_ns) {
  if (size_bytes == 0) return;
  // Private, because some network file systems refuse shared mappings. Nothing is written, so the
  // pages are the file's own in both cases.
  void* address = ::mmap(nullptr, size_bytes, PROT_READ, MAP_PRIVATE, descriptor_.get(), 0);
  if (address == MAP_FAILED) throw_io_error(path_, "cannot map into memory", errno);
  bytes_ = {static_cast<const std::byte*>(address), size_bytes};
  range_ = add_range(bytes_);
}

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path) {
  require_no_nul(path);
  OpenedFile opened = open_regular(path);
  return std::shared_ptr<const MappedFile>(
      new MappedFile(path, std::move(opened.descriptor), opened.size_bytes, opened.modified_ns));
}

MappedFile::~MappedFile() {
  if (range_ == nullptr) return;
  const std::lock_guard lock(ranges_mutex);
  range_->begin = 0;
  ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void MappedFile::require_intact() const {
  constexpr std::string_view kChanged = "the file changed while weightlift read it";
  struct stat status {};
  if (::fstat(descriptor_.get(), &status) != 0) {
    throw_io_error(path_, "cannot examine", errno);
  }
  if (narrow<std::size_t>(status.st_size) != size_bytes_) {
    throw FormatError(shown(path_), fmt::format("{}: expected {} bytes, got {}", kChanged,
                                                size_bytes_, status.st_size));
  }
  if (modified_ns(status) != modified_ns_) {
    throw FormatError(shown(path_), fmt::format("{}: its modification time differs", kChanged));
  }
  if (range_ != nullptr && range_->damaged) {
    throw FormatError(
        shown(path_),
        fmt::format("input/output error while weightlift read its {} bytes", size_bytes_),
        advice("check whether another program shortened the file, or whether the disk is failing"));
  }
}

void guard_mapped_files() {
  static std::once_flag once;
  std::call_once(once, [] {
    page_bytes();  // not for the first time in the handler
    struct sigaction action {};
    action.sa_sigaction = on_bus_error;
    action.sa_flags = SA_SIGINFO;
    ::sigemptyset(&action.sa_mask);
    ::sigaction(SIGBUS, &action, &previous_action);
  });
}

void exclude_from_guard(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  const std::lock_guard lock(ranges_mutex);
  if (MappedFile::Range* range = find_range(address_of(bytes))) range->guarded = false;
}

void release_mapped(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  const std::lock_guard lock(ranges_mutex);
  MappedFile::Range* range = find_range(address_of(bytes));
  if (range == nullptr || address_of(bytes) + bytes.size() > range->end) return;
  range->used.add(windows_of(bytes, *range));
}

std::shared_ptr<const std::byte> map_zeros(std::size_t size_bytes) {
  if (size_bytes == 0) return nullptr;
  void* address =
      ::mmap(nullptr, size_bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address == MAP_FAILED) {
    throw NoMemoryError(
        fmt::format("cannot map {} bytes of memory: {}", size_bytes, std::strerror(errno)));
  }
  const auto unmap = [size_bytes](const std::byte* bytes) {
    ::munmap(const_cast<std::byte*>(bytes), size_bytes);
  };
  return {static_cast<const std::byte*>(address), unmap};
}

void require_no_nul(const std::filesystem::path& path) {
  if (path.native().find('\0') == std::string::npos) return;
  throw IoError(shown(path), "a path cannot contain a NUL byte");
}

std::filesystem::file_type type_at(const std::filesystem::path& path) {
  require_no_nul(path);
  std::error_code error;
  const std::filesystem::file_type type = std::filesystem::status(path, error).type();
  if (type == std::filesystem::file_type::none) {
    throw IoError(shown(path), error.message());
  }
  return type;
}

bool is_there(const std::filesystem::path& path) {
  return type_at(path) != std::filesystem::file_type::not_found;
}

bool is_within(const std::filesystem::path& path, const std::filesystem::path& folder) {
  std::error_code error;
  const auto inner = std::filesystem::weakly_canonical(path, error);
  if (error) return false;
  const auto outer = std::filesystem::weakly_canonical(folder, error);
  return !error &&
         std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

std::string read_text_file(const std::filesystem::path& path, std::size_t max_bytes) {
  const OpenedFile opened = open_regular(path);
  std::string text(std::min(opened.size_bytes, max_bytes) + 1, '\0');
  std::size_t length = 0;
  while (length < text.size()) {
    const ssize_t got = ::read(opened.descriptor.get(), &text[length], text.size() - length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_io_error(path, "cannot read", errno);
    if (got == 0) break;
    length += static_cast<std::size_t>(got);
  }
  if (length > max_bytes) {
    throw FormatError(shown(path), fmt::format("expected at most {} bytes, got {}", max_bytes,
                                               std::max(opened.size_bytes, length)));
  }
  text.resize(length);
  return text;
}

std::string read_text_if_there(const std::filesystem::path& path, std::size_t max_bytes) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error) ? read_text_file(path, max_bytes) : "";
}

namespace {

constexpr std::string_view kCannotWrite = "cannot write";

/// A name in the folder of `path`. Removes the file of that name unless it took the name `path`.
class NameBeside {
 public:
  explicit NameBeside(const std::filesystem::path& path)
      : path_(path),
        beside_(path.parent_path() /
                hidden_name(path.filename().native(), ".weightlift-" + random_suffix())) {}
  ~NameBeside() {
    if (!named_) ::unlink(beside_.c_str());
  }
  NameBeside(const NameBeside&) = delete;
  NameBeside& operator=(const NameBeside&) = delete;

  const std::filesystem::path& path() const { return beside_; }

  void take_name() {
    if (::rename(beside_.c_str(), path_.c_str()) != 0) throw_io_error(path_, kCannotWrite, errno);
    named_ = true;
  }

 private:
  std::filesystem::path path_;
  std::filesystem::path beside_;
  bool named_ = false;
};

void write_new_file(const std::filesystem::path& path, std::string_view content) {
  constexpr mode_t kByUmask = 0666;
  const Descriptor file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, kByUmask));
  if (!file) throw_io_error(path, kCannotWrite, errno);
  while (!content.empty()) {
    const ssize_t written = ::write(file.get(), content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_io_error(path, kCannotWrite, errno);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

void write_atomically(const std::filesystem::path& path, std::string_view content) {
  write_atomically(path,
                   [&](const std::filesystem::path& beside) { write_new_file(beside, content); });
}

void write_atomically(const std::filesystem::path& path,
                      const std::function<void(const std::filesystem::path&)>& make) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) require_regular(path, status);
  NameBeside beside(path);
  const auto renamed = [&](std::string where) {
    replace_all(where, shown(beside.path()), shown(path));
    return where;
  };
  try {
    make(beside.path());
  } catch (const IoError& error) {
    throw IoError(renamed(error.where()), error.message(), error.hints());
  } catch (const NotFoundError& error) {
    throw NotFoundError(renamed(error.where()), error.message(), error.hints());
  }
  beside.take_name();
}

}  // namespace weightlift
