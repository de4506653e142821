#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "weightlift/hub/http.h"
#include "weightlift/hub/repo_id.h"
#include "weightlift/progress.h"

namespace weightlift {

/// A commit of files from a folder.
struct UploadRequest {
  std::filesystem::path folder;
  std::vector<std::string> files;   ///< paths in the folder, with '/'
  std::filesystem::path card = {};  ///< replaces the folder's README.md; empty: no replacement
  RepoId repo;
  std::string revision = "main";  ///< a branch, created if missing; or an existing "refs/pr/N"
  std::string commit_message;
  bool create_repo = true;
  bool private_repo = false;  ///< create it private; refuse one that is public
  bool create_pr = false;
};

struct CommitInfo {
  std::string oid;               ///< the commit's 40 hex digits
  std::string url;               ///< of the commit
  std::string pull_request_url;  ///< only with create_pr
  std::size_t committed = 0;     ///< files in the commit
  std::size_t uploaded = 0;      ///< those of them whose bytes were sent
  std::size_t unchanged = 0;     ///< files that were equal in the repository
  std::size_t ignored = 0;       ///< files that the repository's .gitignore excludes
  bool nothing_changed = false;  ///< no commit: all files were equal in the repository
};

/// Throws UsageError where files of the folder are symbolic links that lead out of it. The links of
/// a snapshot in huggingface_hub's cache to its blobs are allowed.
void require_inside(const std::filesystem::path& folder, const std::vector<std::string>& files);

/// Uploads the files that the repository lacks and makes one commit, or none where nothing changed.
/// Retries a lost race (412) on the new parent. Where the reply to the commit is lost, checks
/// whether the commit exists before another try; an error after that has the hint that it may
/// exist. The next call does not send uploaded files again.
/// Throws HubError, FormatError where a file changes meanwhile, UsageError for an invalid request,
/// and NotFoundError or IoError for a file that cannot be read.
CommitInfo upload_folder(HttpClient& http, const UploadRequest& request, ProgressSink& progress);

}  // namespace weightlift
