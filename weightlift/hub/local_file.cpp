#include "weightlift/hub/local_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <vector>

#include "weightlift/base/digest.h"
#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/error.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void throw_changed(const fs::path& path) {
  throw FormatError(shown(path), "the file changed while weightlift read it",
                    advice("try again when no other program writes to it"));
}

std::string digest_of(const LocalFile& file, Hasher hasher,
                      const std::function<void(std::uint64_t)>& progress) {
  constexpr std::uint64_t kPieceBytes = std::uint64_t{1} << 18;  // fits the L2 cache
  std::vector<std::byte> piece(static_cast<std::size_t>(std::min(kPieceBytes, file.size_bytes())));
  for (std::uint64_t done = 0; done < file.size_bytes();) {
    const auto size = std::min<std::uint64_t>(piece.size(), file.size_bytes() - done);
    const auto part = std::span(piece).first(static_cast<std::size_t>(size));
    file.read(done, part);
    hasher.update(part);
    done += size;
    if (progress) progress(done);
  }
  file.require_unchanged();
  return hasher.hex();
}

}  // namespace

LocalFile::LocalFile(fs::path path) : path_(std::move(path)) {
  const OpenedFile opened = open_regular(path_);
  size_bytes_ = opened.size_bytes;
  modified_ns_ = opened.modified_ns;
  device_ = opened.device;
  inode_ = opened.inode;
}

void LocalFile::read(std::uint64_t offset, std::span<std::byte> into) const {
  if (offset > size_bytes_ || into.size() > size_bytes_ - offset) {
    throw std::out_of_range("read past the end of a file to upload");
  }
  const OpenedFile opened = open_regular(path_);
  if (opened.size_bytes != size_bytes_ || opened.modified_ns != modified_ns_ ||
      opened.device != device_ || opened.inode != inode_) {
    throw_changed(path_);
  }
  while (!into.empty()) {
    const ssize_t got =
        ::pread(opened.descriptor.get(), into.data(), into.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_io_error(path_, "cannot read", errno);
    if (got == 0) throw_changed(path_);  // truncated since it was opened
    into = into.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
}

void LocalFile::require_unchanged() const { read(0, {}); }

std::string LocalFile::sha256(const std::function<void(std::uint64_t)>& progress) const {
  return digest_of(*this, Hasher::sha256(), progress);
}

std::string LocalFile::git_blob_sha1(const std::function<void(std::uint64_t)>& progress) const {
  return digest_of(*this, Hasher::git_blob(size_bytes_), progress);
}

}  // namespace weightlift
