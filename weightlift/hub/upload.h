#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "weightlift/base/progress.h"
#include "weightlift/hub/http.h"
#include "weightlift/hub/repo_id.h"

namespace weightlift {

/// One commit of the files of a folder.
struct UploadRequest {
  std::filesystem::path folder;
  std::vector<std::string> files;   ///< paths in it, with '/'
  std::filesystem::path card = {};  ///< sent as README.md in place of the folder's; empty: that one
  RepoId repo;
  std::string revision = "main";  ///< a branch, made where it is missing; "refs/pr/N" is, too
  std::string commit_message;
  bool create_repo = true;
  bool private_repo = false;  ///< where it is made
  bool create_pr = false;
};

struct CommitInfo {
  std::string oid;               ///< the commit's 40 hex digits
  std::string url;               ///< of the commit
  std::string pull_request_url;  ///< with create_pr
  std::size_t committed = 0;     ///< files that are in the commit
  std::size_t uploaded = 0;      ///< those of them whose bytes went over
  std::size_t unchanged = 0;     ///< files that the repository had already, equal
  std::size_t ignored = 0;       ///< files that the repository's .gitignore leaves out
  bool nothing_changed = false;  ///< no commit was made: all files were there, equal
};

/// Uploads what the repository lacks and makes one commit of it, or none where nothing changed.
/// A lost race (412) is tried again on the new parent; where the commit's reply is lost, looks
/// whether it was made before it tries again. Throws HubError, FormatError where a file changes
/// meanwhile, UsageError for what cannot be meant. What was uploaded before a failure is not sent
/// again by the next call.
CommitInfo upload_folder(HttpClient& http, const UploadRequest& request, ProgressSink& progress);

/// The account of the token ("whoami"). Throws HubError where there is no token or it is not good.
std::string whoami(HttpClient& http);

}  // namespace weightlift
