#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/base/message.h"
#include "weightlift/error.h"
#include "weightlift/hub/http.h"
#include "weightlift/hub/repo_id.h"
#include "weightlift/progress.h"

namespace weightlift {

class RepoCache;

/// One file of a repository at a commit.
struct RepoFile {
  std::string path;
  std::uint64_t size_bytes = 0;
  std::string
      oid;  ///< the name of its blob in the cache: sha256 of LFS files, else git's blob sha1
  bool lfs = false;
  std::string git_oid;  ///< git's blob sha1; for LFS files the pointer's
};

/// A commit of a repository in the cache.
struct Snapshot {
  std::string commit;            ///< 40 hex digits
  std::filesystem::path folder;  ///< snapshots/<commit>
  bool is_listed = true;  ///< `wanted` saw all files of the commit; false: only the cached files
};

/// A cached file has other bytes than the repository, and weightlift cannot fetch it again now.
struct CacheDamaged : FormatError {
  using FormatError::FormatError;
};

/// Downloads repositories into the cache that huggingface_hub also uses: neither downloads again
/// what the other has. Offline, or where the Hub cannot be reached, it uses only the cache.
class HubClient {
 public:
  /// Whether to fetch a file; an empty function: all files.
  using Wanted = std::function<bool(const RepoFile&)>;

  HubClient(HttpClient& http, ProgressSink& progress) : http_(http), progress_(progress) {}

  /// The snapshot after a download of the wanted files that the cache lacks. Each file gets its
  /// name only when its size and digest are right. The wanted files in the cache are checked too:
  /// damaged ones are fetched again, with the note kCacheRepaired, or else are CacheDamaged. A
  /// commit that is whole in the cache needs no request. Where the Hub cannot be reached or fails
  /// for now, returns the cached files of the revision if they are complete, with the note
  /// kCacheUsed. Throws HubError with the Hub's own words where repository, revision or access
  /// fail, HubUnreachable where the files are neither reachable nor cached, IoError where the disk
  /// fails.
  Snapshot snapshot_download(const RepoRevision& from, const Wanted& wanted = {});

  /// Returns the commit after a download of the wanted files into `folder`, as real files, with the
  /// metadata of huggingface_hub's local_dir. Keeps files that are right, and copies cached files.
  /// Throws as snapshot_download does.
  std::string download_to_folder(const RepoRevision& from, const std::filesystem::path& folder,
                                 const Wanted& wanted = {});

  /// All files of a revision, from the Hub. Throws HubError; HubUnreachable also while offline.
  std::vector<RepoFile> list_repo_tree(const RepoRevision& from);

  /// The current commit of a branch or tag. Throws HubError.
  std::string resolve_revision(const RepoRevision& from);

 private:
  struct Listing {
    std::string commit;
    std::vector<RepoFile> files;
    bool from_cache = false;
  };
  /// What the cache lacks of the wanted files.
  struct Lack {
    std::vector<RepoFile> missing;
    std::vector<std::string> damaged;  ///< those of them that are there, as messages show them
  };
  Lack find_lack(const RepoCache& cache, const Listing& listing, const Wanted& wanted);
  HttpResponse get_page(const std::string& url);
  Listing list(const RepoRevision& from);
  Hints nearest_refs(const RepoRevision& from);
  void fetch_blob(const RepoCache& cache, const std::string& url, const RepoFile& file);
  Snapshot fetch_snapshot(const RepoRevision& from, const Wanted& wanted);
  std::optional<Snapshot> find_cached(const RepoRevision& from, const Wanted& wanted,
                                      std::string& missing);
  /// The cached snapshot. `lost`: why the Hub did not answer; null: offline.
  Snapshot use_cached(const RepoRevision& from, const Wanted& wanted, const HubUnreachable* lost);

  HttpClient& http_;
  ProgressSink& progress_;
};

/// Checks the wanted files in a snapshot's folder whose links name their digest. Throws
/// CacheDamaged.
void check_snapshot(const std::filesystem::path& folder, const HubClient::Wanted& wanted,
                    ProgressSink& progress);

}  // namespace weightlift
