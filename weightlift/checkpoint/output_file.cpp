#include "weightlift/checkpoint/output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "weightlift/base/bytes.h"
#include "weightlift/base/file.h"
#include "weightlift/base/posix.h"

namespace weightlift {

namespace {

/// A tensor of at least this size is written from its own memory; shorter ones are collected in a
/// buffer: a ResNet has hundreds of tensors of a few hundred bytes.
constexpr std::size_t kDirectBytes = std::size_t{64} << 10U;
constexpr std::size_t kBufferBytes = std::size_t{1} << 20U;
/// Size of the pieces that are written, reported and released.
constexpr std::size_t kPieceBytes = std::size_t{2} << 20U;

}  // namespace

OutputFile::OutputFile(const std::filesystem::path& path, std::uint64_t total_bytes,
                       const WriteProgress& progress)
    : path_(path), total_bytes_(total_bytes), progress_(progress) {
  descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor_ < 0) throw_io_error(path_, "cannot create", errno);
  reserve_space();
  buffer_.reserve(std::min<std::uint64_t>(kBufferBytes, total_bytes));
}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void OutputFile::append(std::span<const std::byte> bytes) {
  if (bytes.size() >= kDirectBytes) {
    flush();
    write_pieces(bytes);
    return;
  }
  if (bytes.size() > kBufferBytes - buffer_.size()) flush();
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  release_mapped(bytes);
}

void OutputFile::close() {
  flush();
  if (::close(std::exchange(descriptor_, -1)) != 0) fail();
}

void OutputFile::fail() const {
  throw_io_error(path_, fmt::format("cannot write {} bytes", total_bytes_), errno);
}

/// Allocates all blocks at once: a full disk shows before the first byte, and ext4 writes a fifth
/// faster. The size still grows with what is written. Other errors mean that the file system has no
/// such call. The C library's emulation is not used: it would write every block.
void OutputFile::reserve_space() const {
  const int result = ::fallocate(descriptor_, FALLOC_FL_KEEP_SIZE, 0, narrow<off_t>(total_bytes_));
  if (result != 0 && (errno == ENOSPC || errno == EDQUOT)) fail();
}

void OutputFile::flush() {
  write_pieces(buffer_);
  buffer_.clear();
}

void OutputFile::write_pieces(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(bytes.size(), kPieceBytes));
    write_all(piece);
    release_mapped(piece);
    done_bytes_ += piece.size();
    if (progress_) progress_(done_bytes_, total_bytes_);
    bytes = bytes.subspan(piece.size());
  }
}

void OutputFile::write_all(std::span<const std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail();
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

}  // namespace weightlift
