#include "weightlift/hub/blob_download.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>
#include <vector>

#include "weightlift/base/digest.h"
#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/hub/cache.h"
#include "weightlift/hub/url.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

Hasher hasher_of(const RepoFile& file) {
  constexpr std::size_t kSha256Digits = 64;
  return file.oid.size() == kSha256Digits ? Hasher::sha256() : Hasher::git_blob(file.size_bytes);
}

// The size of one read, write and hash: few system calls, and the piece stays in the CPU's cache
// between them.
constexpr std::size_t kPieceBytes = std::size_t{256} << 10;

/// Calls `take` with each piece of the file, in order.
template <class Take>
void read_pieces(int descriptor, const fs::path& path, ProgressSink& progress, Take&& take) {
  std::vector<std::byte> piece(kPieceBytes);
  for (std::uint64_t at = 0;;) {
    progress.check();
    const ssize_t n = ::pread(descriptor, piece.data(), piece.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_io_error(path, "cannot read", errno);
    if (n == 0) return;
    take(std::span<const std::byte>(piece).first(static_cast<std::size_t>(n)));
    at += static_cast<std::uint64_t>(n);
  }
}

/// 100 for "bytes 100-199/300"; nothing for any other form.
std::optional<std::uint64_t> range_start(std::string_view header) {
  constexpr std::string_view kUnit = "bytes ";
  if (!header.starts_with(kUnit)) return std::nullopt;
  header.remove_prefix(kUnit.size());
  std::uint64_t start = 0;
  const auto [end, error] = std::from_chars(header.data(), header.data() + header.size(), start);
  if (error != std::errc() || end == header.data() + header.size() || *end != '-') {
    return std::nullopt;
  }
  return start;
}

/// A file that is being downloaded, with the digest of the bytes that it holds so far.
class Incomplete : public HttpSink {
 public:
  Incomplete(fs::path path, std::string url, const RepoFile& file, ProgressSink& progress)
      : path_(std::move(path)),
        url_(std::move(url)),
        file_(file),
        progress_(progress),
        out_(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666)) {
    if (!out_) throw_io_error(path_, "cannot write", errno);
    piece_.reserve(std::min<std::uint64_t>(kPieceBytes, file.size_bytes));
    take_up();
  }
  ~Incomplete() override {
    try {
      flush();
    } catch (...) {
      // The last piece is lost: the next download requests it again.
    }
  }
  Incomplete(const Incomplete&) = delete;
  Incomplete& operator=(const Incomplete&) = delete;

  std::uint64_t size_bytes() const { return size_; }
  bool is_whole() const { return size_ == file_.size_bytes; }

  /// Deletes the content and begins again.
  void restart() {
    if (::ftruncate(out_.get(), 0) != 0) throw_io_error(path_, "cannot write", errno);
    size_ = 0;
    piece_.clear();
    hasher_ = hasher_of(file_);
  }

  /// Whether the content has the expected digest. Call it once, when the file is whole.
  bool is_right() {
    got_ = hasher_.hex();
    return got_ == file_.oid;
  }
  const std::string& digest() const { return got_; }

  void take_name(const fs::path& target) {
    if (::rename(path_.c_str(), target.c_str()) != 0)
      throw_io_error(target, "cannot create", errno);
  }

  void begin(const HttpResponse& head) override {
    constexpr int kPartial = 206;
    if (head.status != kPartial) {
      if (size_ > 0) restart();
      return;
    }
    if (range_start(head.header("Content-Range")) != size_) {
      throw HubError(shown_url(url_),
                     fmt::format("Content-Range: expected a range from byte {}, got {}", size_,
                                 printable(head.header("Content-Range"))));
    }
  }

  /// Collects small pieces into large ones: call flush() at the end.
  void write(std::span<const std::byte> piece) override {
    progress_.check();
    if (piece.size() > file_.size_bytes - size_ - piece_.size()) {
      throw HubError(shown_url(url_), fmt::format("{}: expected {} bytes, got more",
                                                  printable(file_.path), file_.size_bytes));
    }
    while (!piece.empty()) {
      const auto part = piece.first(std::min(piece.size(), kPieceBytes - piece_.size()));
      piece_.insert(piece_.end(), part.begin(), part.end());
      piece = piece.subspan(part.size());
      if (piece_.size() == kPieceBytes) flush();
    }
    progress_.advance(size_ + piece_.size());
  }

  /// Writes all collected bytes to the file.
  void flush() {
    if (piece_.empty()) return;
    std::span<const std::byte> rest = piece_;
    while (!rest.empty()) {
      const ssize_t n = ::pwrite(out_.get(), rest.data(), rest.size(), static_cast<off_t>(size_));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) {
        const int error = errno;
        piece_.clear();  // a part of it may be in the file: do not write it twice
        throw_io_error(path_, "cannot write", error);
      }
      rest = rest.subspan(static_cast<std::size_t>(n));
      size_ += static_cast<std::uint64_t>(n);
    }
    hasher_.update(piece_);
    piece_.clear();
  }

 private:
  /// Hashes the bytes of an earlier download.
  void take_up() {
    struct stat status {};
    if (::fstat(out_.get(), &status) != 0) throw_io_error(path_, "cannot write", errno);
    if (static_cast<std::uint64_t>(status.st_size) > file_.size_bytes) restart();
    read_pieces(out_.get(), path_, progress_, [&](std::span<const std::byte> piece) {
      hasher_.update(piece);
      size_ += piece.size();
      progress_.advance(size_);
    });
  }

  fs::path path_;
  std::string url_;
  const RepoFile& file_;
  ProgressSink& progress_;
  Descriptor out_;
  std::uint64_t size_ = 0;  // bytes in the file, all of them hashed
  Hasher hasher_ = hasher_of(file_);
  std::vector<std::byte> piece_;  // the bytes after them, at most kPieceBytes
  std::string got_;
};

/// Requests the missing bytes once. False where the reply broke off.
bool fetch_rest(HttpClient& http, const std::string& url, Incomplete& into) {
  HttpRequest request;
  request.url = url;
  request.sink = &into;
  request.timeout = http.settings().download_timeout;
  if (into.size_bytes() > 0) {
    request.headers.push_back({"Range", fmt::format("bytes={}-", into.size_bytes())});
  }
  HttpResponse response;
  try {
    response = http.send(request);
    into.flush();
  } catch (const HubUnreachable& lost) {
    if (!lost.sink_has_bytes || !lost.may_pass) throw;
    into.flush();
    return false;
  }
  constexpr int kRangeNotSatisfiable = 416;
  if (response.status == kRangeNotSatisfiable && into.size_bytes() > 0) {
    into.restart();
    return false;
  }
  if (!response.ok()) throw_refusal(request, response);
  return into.is_whole();
}

/// Requests until all bytes have arrived. Only tries with hardly a new byte count as failed.
void fetch_all(HttpClient& http, const std::string& url, const RepoFile& file, Incomplete& into) {
  // A server that always breaks off after some bytes must not hold the program forever.
  constexpr std::uint64_t kLeastBytes = 4096;
  std::uint64_t most = into.size_bytes();
  for (int failed = 0; !into.is_whole();) {
    if (fetch_rest(http, url, into)) return;
    failed = into.size_bytes() >= most + kLeastBytes ? 1 : failed + 1;
    most = std::max(most, into.size_bytes());
    if (failed >= HttpClient::kMaxTries) {
      throw HubUnreachable(shown_url(url),
                           fmt::format("{}: expected {} bytes, got {}", printable(file.path),
                                       file.size_bytes, into.size_bytes()),
                           advice("try again later: the next download continues this one"));
    }
    http.wait_to_retry(failed);
  }
}

}  // namespace

void download_file(HttpClient& http, const std::string& url, const RepoFile& file,
                   const Destination& to, ProgressSink& progress) {
  progress.step("download " + printable(file.path), file.size_bytes);
  Incomplete into(to.incomplete, url, file, progress);
  // The bytes of an earlier download, or of a bad connection, may be wrong: try again from the
  // start.
  for (int tries = 0; tries < 2; ++tries) {
    fetch_all(http, url, file, into);
    if (into.is_right()) return into.take_name(to.target);
    into.restart();
  }
  std::error_code ignored;
  fs::remove(to.incomplete, ignored);
  throw HubError(shown_url(url),
                 fmt::format("{}: expected {} {}, got {}", printable(file.path),
                             file.lfs ? "sha256" : "git blob sha1", file.oid, into.digest()));
}

bool copy_checked(const fs::path& from, const RepoFile& file, const Destination& to,
                  ProgressSink& progress) {
  if (file_size_at(from) != file.size_bytes) return false;
  const Descriptor source(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
  if (!source) return false;
  progress.step("copy " + printable(file.path), file.size_bytes);
  Incomplete into(to.incomplete, from.string(), file, progress);
  into.restart();
  read_pieces(source.get(), from, progress,
              [&](std::span<const std::byte> piece) { into.write(piece); });
  into.flush();
  if (into.is_whole() && into.is_right()) {
    into.take_name(to.target);
    return true;
  }
  into.restart();
  return false;
}

bool is_right(const fs::path& path, const RepoFile& file, ProgressSink& progress) {
  if (file_size_at(path) != file.size_bytes) return false;
  if (file.oid.empty()) return true;
  const Descriptor there(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!there) return false;
  progress.step("check " + printable(file.path), file.size_bytes);
  Hasher hasher = hasher_of(file);
  std::uint64_t done = 0;
  read_pieces(there.get(), path, progress, [&](std::span<const std::byte> piece) {
    hasher.update(piece);
    progress.advance(done += piece.size());
  });
  return hasher.hex() == file.oid;
}

void require_space(const fs::path& folder, std::uint64_t bytes) {
  struct statvfs disk {};
  // Some network file systems do not report their size.
  if (::statvfs(folder.c_str(), &disk) != 0 || disk.f_blocks == 0) return;
  const std::uint64_t room = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  if (bytes <= room) return;
  throw IoError(shown(folder),
                fmt::format("not enough disk space: expected {} free bytes, got {}", bytes, room),
                advice("free disk space, or choose another folder"));
}

void throw_refusal(const HttpRequest& request, const HttpResponse& response) {
  try {
    throw_hub_error(request, response);
  } catch (const HubError& error) {
    if (!may_pass(response.status)) throw;
    throw HubUnreachable(error, true);
  }
}

}  // namespace weightlift
