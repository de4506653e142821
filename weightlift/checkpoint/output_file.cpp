#include "weightlift/checkpoint/output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "weightlift/base/bytes.h"
#include "weightlift/base/file.h"
#include "weightlift/base/posix.h"

namespace weightlift {

OutputFile::OutputFile(const std::filesystem::path& path, std::uint64_t total_bytes,
                       const WriteProgress& progress)
    : OutputSink(total_bytes, progress), path_(path) {
  require_no_nul(path);
  descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor_ < 0) throw_io_error(path_, "cannot create", errno);
  try {
    reserve_space();
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void OutputFile::finish() {
  if (::close(std::exchange(descriptor_, -1)) != 0) fail();
}

void OutputFile::fail() const {
  throw_io_error(path_, fmt::format("cannot write {} bytes", total_bytes()), errno);
}

/// Allocates all blocks at once: a full disk shows before the first byte, and ext4 writes a fifth
/// faster. The size still grows with what is written. Other errors mean that the file system has no
/// such call. The C library's emulation is not used: it would write every block.
void OutputFile::reserve_space() const {
  const int result = ::fallocate(descriptor_, FALLOC_FL_KEEP_SIZE, 0, narrow<off_t>(total_bytes()));
  if (result != 0 && (errno == ENOSPC || errno == EDQUOT)) fail();
}

void OutputFile::write_all(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail();
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

}  // namespace weightlift
