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

class RepoCache;

/// One file of a repository at a commit.
struct RepoFile {
  std::string path;
  std::uint64_t size_bytes = 0;
  std::string oid;  ///< what the cache calls its blob: sha256 of LFS files, else git's blob sha1
  bool lfs = false;
  std::string git_oid;  ///< git's own name; of LFS files that of the pointer
};

/// A commit of a repository, as it lies in the cache.
struct Snapshot {
  std::string commit;            ///< 40 hex digits
  std::filesystem::path folder;  ///< snapshots/<commit>
  bool is_listed = true;  ///< `wanted` saw all files of the commit; else those that are cached
};

/// Reads repositories into the cache that huggingface_hub uses: what it fetched is not fetched
/// again, and the reverse. Offline, or where the Hub cannot be reached, the cache alone answers.
class HubClient {
 public:
  /// Which files of a repository to fetch; empty: all.
  using Wanted = std::function<bool(const RepoFile&)>;

  HubClient(HttpClient& http, ProgressSink& progress) : http_(http), progress_(progress) {}

  /// Fetches the files that `wanted` names as far as the cache lacks them, each checked against its
  /// size and digest before it gets its name. A commit that the cache has whole costs no request.
  /// Where the Hub cannot be reached or has trouble, what the cache has of the revision is used if
  /// it is complete, and `progress` is told. Throws HubError with the Hub's own words where
  /// repository, revision or access fail, and where offline and not cached; IoError where the disk
  /// refuses.
  Snapshot snapshot_download(const RepoRevision& from, const Wanted& wanted = {});

  /// The same into a folder of its own, as real files, with the bookkeeping of huggingface_hub's
  /// local_dir. Files that are there and right stay; what the cache has is copied. Returns the
  /// commit.
  std::string download_to_folder(const RepoRevision& from, const std::filesystem::path& folder,
                                 const Wanted& wanted = {});

  /// All files of a revision. Not offline.
  std::vector<RepoFile> list_repo_tree(const RepoRevision& from);

  /// The commit that a branch or tag means now.
  std::string resolve_revision(const RepoRevision& from);

 private:
  struct Listing {
    std::string commit;
    std::vector<RepoFile> files;
  };
  HttpResponse get(const std::string& url);
  Listing list(const RepoRevision& from);
  std::string nearest_refs(const RepoRevision& from);
  void fetch_blob(const RepoCache& cache, const std::string& url, const RepoFile& file);
  Snapshot fetch_snapshot(const RepoRevision& from, const Wanted& wanted);
  std::optional<Snapshot> find_cached(const RepoRevision& from, const Wanted& wanted,
                                      std::string& missing);
  Snapshot use_cached(const RepoRevision& from, const Wanted& wanted, const std::string& why);

  HttpClient& http_;
  ProgressSink& progress_;
};

}  // namespace weightlift
