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

/// Throws HubError unless `path` is safe below a local folder: relative, parts separated by '/', no
/// part that is empty, ".", ".." or ".git", no backslash, drive ("C:") or control character.
void require_repo_path(std::string_view path);

/// Throws HubError unless `etag` is safe as the file name of a blob.
void require_etag(std::string_view etag);

/// A lock between processes, on a file that is never deleted. The destructor frees the lock.
class FileLock {
 public:
  /// Waits for the lock and calls `wait` about ten times a second, which may throw. Where the file
  /// system has no locks, or the lock file cannot be opened, is_held() is false, without a wait.
  FileLock(const std::filesystem::path& path, const std::function<void()>& wait);
  bool is_held() const { return held_; }

 private:
  Descriptor file_;
  bool held_ = false;
};

/// One repository in the cache that huggingface_hub uses, in its layout:
///   models--owner--name/refs/<revision>          a commit, without a final newline
///   models--owner--name/blobs/<etag>             content; <etag>.incomplete while it is downloaded
///   models--owner--name/snapshots/<commit>/<path> -> ../../blobs/<etag>
///   models--owner--name/trees/<commit>.json      all files of the commit
///   .locks/models--owner--name/<etag>.lock
/// The reading functions write nothing. They accept real files in place of links: other programs
/// create these on file systems without links.
class RepoCache {
 public:
  RepoCache(std::filesystem::path cache, const RepoId& repo);

  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path snapshot(std::string_view commit) const;
  std::filesystem::path file(std::string_view commit, std::string_view path) const;
  std::filesystem::path blob(std::string_view etag) const;
  std::filesystem::path tree(std::string_view commit) const;

  /// The commit of a branch or tag when it was last fetched; a commit itself; nothing if unknown.
  std::optional<std::string> commit_of(std::string_view revision) const;

  // Each throws IoError, or NotFoundError or ExistsError (throw_io_error).

  /// Creates the folders of a commit, and CACHEDIR.TAG for backup programs.
  void prepare(std::string_view commit) const;
  /// Writes nothing where the ref already has the commit.
  void write_ref(std::string_view revision, std::string_view commit) const;
  /// Links a file of a snapshot to its blob, and replaces an existing entry of that name.
  void link(std::string_view commit, std::string_view path, std::string_view etag) const;

  FileLock lock(std::string_view etag, const std::function<void()>& wait) const;

 private:
  std::filesystem::path cache_;
  std::filesystem::path folder_;
  std::string name_;
};

/// Writes CACHEDIR.TAG, by which backup programs recognize a cache, unless it exists.
void write_cachedir_tag(const std::filesystem::path& folder);

/// Creates a folder and its parents. Throws IoError, NotFoundError or ExistsError.
void make_folders(const std::filesystem::path& folder);

/// The size of a regular file, also through a link; nothing where there is none.
std::optional<std::uint64_t> file_size_at(const std::filesystem::path& path);

}  // namespace weightlift
