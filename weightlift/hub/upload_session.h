#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/hub/commit.h"
#include "weightlift/hub/http.h"
#include "weightlift/hub/local_file.h"
#include "weightlift/hub/upload.h"
#include "weightlift/progress.h"

// Internal: only .cpp files include it, and it is not for users of the library.

namespace weightlift {

/// A POST request with a JSON body.
HttpRequest make_post(std::string url, std::string body);

/// One file of an upload, with its digests and the server's answer as far as they are known.
struct UploadEntry {
  std::string path;
  LocalFile file;
  std::string sample = {};
  std::string sha256 = {}, git_sha1 = {};  ///< computed when needed
  PreuploadAnswer answer = {};

  /// An empty file never goes to LFS, whatever the server answers.
  bool lfs() const { return answer.lfs && file.size_bytes() > 0; }
  const std::string& oid() const { return lfs() ? sha256 : git_sha1; }
  bool is_unchanged() const;
};

/// What an upload and its plan share: the files, and the requests that write nothing.
class UploadSession {
 public:
  /// The request must outlive the session. Throws UsageError for one that contradicts itself.
  UploadSession(HttpClient& http, const UploadRequest& request, ProgressSink& progress);

  /// Throws NotFoundError, IoError, and UsageError for a name that no commit can contain.
  void open_files();

  /// The Hub checks the card's metadata before a commit. Other servers may not support the call.
  void validate_card();

  /// Asks the server what it has of each file, and what it would ignore.
  void preupload(std::string_view revision);

  /// Hashes each file once, with the digest of its mode.
  void hash();

  /// Throws where a private upload would become public, by the server's description of the
  /// repository.
  void require_private(const nlohmann::json& info, bool created) const;

  /// Throws the failure of an upload whose files are all ignored.
  [[noreturn]] void refuse_ignored() const;

  std::vector<UploadEntry>& entries() { return entries_; }
  std::string web_url() const;
  std::string pr_query() const { return request_.create_pr ? "?create_pr=1" : ""; }
  std::string api_url(std::string_view call, std::string_view revision) const;
  /// The reply of a request that succeeds. Throws HubError.
  HttpResponse send(const HttpRequest& request);

 private:
  HttpClient& http_;
  const UploadRequest& request_;
  ProgressSink& progress_;
  std::vector<UploadEntry> entries_;
};

}  // namespace weightlift
