#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "weightlift/base/posix.h"
#include "weightlift/hub/repo_id.h"

namespace weightlift {

/// Throws HubError unless `path` can be a file of a repository and a path below a folder of ours:
/// relative, with '/', no part of it empty, "." or "..", ".git", with a backslash, a colon that
/// makes it a drive, or a control character.
void require_repo_path(std::string_view path);

/// Throws HubError unless `etag` can be the name of a blob.
void require_etag(std::string_view etag);

/// A lock between processes, on a file that stays. Free at the end.
class FileLock {
 public:
  /// Waits for it, asking `wait` about ten times a second, which may throw. Where the file system
  /// has no locks, or the lock file cannot be made, is_held() is false and nobody waits.
  FileLock(const std::filesystem::path& path, const std::function<void()>& wait);
  bool is_held() const { return held_; }

 private:
  Descriptor file_;
  bool held_ = false;
};

/// One repository in the cache that huggingface_hub uses, in its layout:
///   models--owner--name/refs/<revision>          a commit, without a final newline
///   models--owner--name/blobs/<etag>             content; <etag>.incomplete while it comes
///   models--owner--name/snapshots/<commit>/<path> -> ../../blobs/<etag>
///   models--owner--name/trees/<commit>.json      all files of the commit
///   .locks/models--owner--name/<etag>.lock
/// Reading writes nothing, and takes real files where links should be: other programs make them on
/// file systems that have no links.
class RepoCache {
 public:
  RepoCache(std::filesystem::path cache, const RepoId& repo);

  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path snapshot(std::string_view commit) const;
  std::filesystem::path file(std::string_view commit, std::string_view path) const;
  std::filesystem::path blob(std::string_view etag) const;
  std::filesystem::path tree(std::string_view commit) const;

  /// What a branch or tag meant when it was last asked for. A commit means itself.
  std::optional<std::string> commit_of(std::string_view revision) const;

  // Each throws IoError.

  /// Makes the folders of a commit, and tells backup programs (CACHEDIR.TAG).
  void prepare(std::string_view commit) const;
  /// Nothing is written where the ref has the commit already.
  void write_ref(std::string_view revision, std::string_view commit) const;
  /// Puts a blob into a snapshot by a relative link, in place of what has the name.
  void link(std::string_view commit, std::string_view path, std::string_view etag) const;

  FileLock lock(std::string_view etag, const std::function<void()>& wait) const;

 private:
  std::filesystem::path cache_;
  std::filesystem::path folder_;
  std::string name_;
};

/// Writes CACHEDIR.TAG, by which backup programs know a cache, unless it is there.
void write_cachedir_tag(const std::filesystem::path& folder);

/// Makes a folder and those above it. Throws IoError.
void make_folders(const std::filesystem::path& folder);

/// The size of a regular file, or of the one that a link leads to; nothing where there is none.
std::optional<std::uint64_t> file_size_at(const std::filesystem::path& path);

}  // namespace weightlift
