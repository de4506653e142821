#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/base/progress.h"
#include "weightlift/hub/http.h"
#include "weightlift/hub/repo_id.h"

namespace weightlift {

/// One file of a repository at a commit.
struct RepoFile {
  std::string path;
  std::uint64_t size_bytes = 0;
  std::string oid;  ///< what the cache calls its blob: sha256 of LFS files, else git's blob sha1
  bool lfs = false;
};

/// A commit of a repository, as it lies in the cache.
struct Snapshot {
  std::string commit;            ///< 40 hex digits
  std::filesystem::path folder;  ///< snapshots/<commit>
};

/// Reads repositories into the cache that huggingface_hub uses: what it fetched is not fetched
/// again, and the reverse. Offline, or where the Hub cannot be reached, the cache alone answers.
class HubClient {
 public:
  HubClient(HttpClient& http, ProgressSink& progress) : http_(http), progress_(progress) {}

  /// Fetches the files that `wanted` names (all where it is empty) as far as the cache lacks them,
  /// each checked against its size and digest before it gets its name. Throws HubError with the
  /// Hub's own words where repository, revision or access fail, and where offline and not cached.
  Snapshot snapshot_download(const RepoRevision& from,
                             const std::function<bool(const RepoFile&)>& wanted = {});

  /// All files of a revision. Not offline.
  std::vector<RepoFile> list_repo_tree(const RepoRevision& from);

  /// The commit that a branch or tag means now.
  std::string resolve_revision(const RepoRevision& from);

  /// One file into a folder, not the cache, as huggingface_hub's local_dir.
  // (pull --local-dir)

 private:
  HttpClient& http_;
  ProgressSink& progress_;
};

}  // namespace weightlift
