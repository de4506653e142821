#include "weightlift/hub/cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

#include "weightlift/base/file.h"
#include "weightlift/base/message.h"

namespace weightlift {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMaxNameBytes = 255;  // Linux's limit for one part of a path

std::string_view fault_of_part(const std::string& part) {
  if (part.empty()) return "an empty part";
  if (part == "." || part == "..") return "a part that is . or ..";
  if (::strcasecmp(part.c_str(), ".git") == 0) return "a part that is .git";
  if (part.size() > kMaxNameBytes) return "a part of more than 255 bytes";
  return "";
}

std::string_view fault_of_path(std::string_view path) {
  constexpr std::size_t kMaxPathBytes = 3000;  // Linux allows 4095, with the cache's own folders
  if (path.size() > kMaxPathBytes) return "more than 3000 bytes";
  const auto refused = [](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == '\x7f' || c == '\\';
  };
  if (std::ranges::any_of(path, refused)) return "a backslash or a control character";
  if (path.size() >= 2 && path[1] == ':') return "a drive";
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view fault = fault_of_part(std::string(path.substr(begin, end - begin)));
    if (!fault.empty()) return fault;
    begin = end + 1;
  }
  return "";
}

/// Whether anything has that name. Another process may change it at any time.
bool is_at(const fs::path& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

void write_if_new(const fs::path& path, std::string_view content) {
  if (!is_at(path)) write_atomically(path, content);
}

/// "../../blobs/x" from snapshots/<commit>/x, one more ../ for each folder of the path.
fs::path link_target(std::string_view path, std::string_view etag) {
  std::string target = "../../";
  for (const char c : path) target += c == '/' ? "../" : "";
  return target + "blobs/" + std::string(etag);
}

}  // namespace

void require_repo_path(std::string_view path) {
  const std::string_view fault = fault_of_path(path);
  if (fault.empty()) return;
  throw HubError(path.empty() ? "''" : printable(path),
                 fmt::format("unsafe path in a repository: it has {}", fault));
}

void require_etag(std::string_view etag) {
  constexpr std::size_t kMaxEtagBytes = 200;  // a file name, with room for extensions
  const auto is_letter_or_digit = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const bool good = !etag.empty() && etag.size() <= kMaxEtagBytes &&
                    is_letter_or_digit(etag.front()) && std::ranges::all_of(etag, [&](char c) {
                      return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.';
                    });
  if (good) return;
  throw HubError(etag.empty() ? "''" : printable(etag),
                 "unsafe ETag: only letters, digits, '-', '_' and '.' are supported");
}

FileLock::FileLock(const fs::path& path, const std::function<void()>& wait) {
  // Writable for the group, so that several users may share a cache.
  constexpr mode_t kMode = 0664;
  file_ = Descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kMode));
  // A lock also works on another user's file that is read-only here.
  if (!file_) file_ = Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file_) return;
  constexpr std::chrono::milliseconds kPause{100};
  for (;;) {
    held_ = ::flock(file_.get(), LOCK_EX | LOCK_NB) == 0;
    if (held_ || (errno != EWOULDBLOCK && errno != EINTR)) return;
    wait();
    std::this_thread::sleep_for(kPause);
  }
}

RepoCache::RepoCache(fs::path cache, const RepoId& repo)
    : cache_(std::move(cache)), folder_(cache_ / repo.cache_folder()), name_(repo.cache_folder()) {}

fs::path RepoCache::snapshot(std::string_view commit) const {
  return folder_ / "snapshots" / commit;
}

fs::path RepoCache::file(std::string_view commit, std::string_view path) const {
  require_repo_path(path);
  return snapshot(commit) / path;
}

fs::path RepoCache::blob(std::string_view etag) const {
  require_etag(etag);
  return folder_ / "blobs" / etag;
}

fs::path RepoCache::tree(std::string_view commit) const {
  return folder_ / "trees" / (std::string(commit) + ".json");
}

std::optional<std::string> RepoCache::commit_of(std::string_view revision) const {
  if (is_commit(revision)) return std::string(revision);
  const fs::path ref = folder_ / "refs" / revision;
  constexpr std::size_t kMaxRefBytes = 100;
  if (!file_size_at(ref)) return std::nullopt;
  std::string commit;
  try {
    commit = read_text_file(ref, kMaxRefBytes);
  } catch (const FormatError&) {
    return std::nullopt;  // longer than any ref
  }
  while (!commit.empty() && (commit.back() == '\n' || commit.back() == ' ')) commit.pop_back();
  return is_commit(commit) ? std::optional(commit) : std::nullopt;
}

void RepoCache::prepare(std::string_view commit) const {
  make_folders(snapshot(commit));
  make_folders(folder_ / "blobs");
  write_cachedir_tag(cache_);
}

void RepoCache::write_ref(std::string_view revision, std::string_view commit) const {
  if (is_commit(revision) || commit_of(revision) == commit) return;
  const fs::path ref = folder_ / "refs" / revision;
  make_folders(ref.parent_path());
  write_atomically(ref, commit);
}

void RepoCache::link(std::string_view commit, std::string_view path, std::string_view etag) const {
  const fs::path entry = file(commit, path);
  const fs::path target = link_target(path, etag);
  make_folders(entry.parent_path());
  // A temporary link is renamed: the name always leads to a whole file, or does not exist yet.
  const fs::path temporary =
      entry.parent_path() / fmt::format(".weightlift-{}.tmp", random_suffix());
  if (::symlink(target.c_str(), temporary.c_str()) != 0) {
    throw_io_error(entry, "cannot create the link", errno);
  }
  if (::rename(temporary.c_str(), entry.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary.c_str());
    throw_io_error(entry, "cannot create the link", error);
  }
}

FileLock RepoCache::lock(std::string_view etag, const std::function<void()>& wait) const {
  require_etag(etag);
  const fs::path locks = cache_ / ".locks" / name_;
  make_folders(locks);
  return FileLock(locks / (std::string(etag) + ".lock"), wait);
}

void write_cachedir_tag(const fs::path& folder) {
  write_if_new(folder / "CACHEDIR.TAG",
               "Signature: 8a477f597d28d172789f06886806bc55\n"
               "# This file is a cache directory tag created by huggingface_hub and weightlift.\n"
               "# For information about cache directory tags see https://bford.info/cachedir/\n");
}

void make_folders(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw_io_error(folder, "cannot create the folder", error.value());
}

std::optional<std::uint64_t> file_size_at(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return static_cast<std::uint64_t>(status.st_size);
}

}  // namespace weightlift
