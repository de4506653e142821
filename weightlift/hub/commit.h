#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/hub/http.h"
#include "weightlift/hub/local_file.h"
#include "weightlift/hub/repo_id.h"

// The requests and replies of a push, except those of LFS (lfs.h). Replies are untrusted: a reply
// of another form is a HubError with the URL.

namespace weightlift {

/// "ENDPOINT/api/models/OWNER/NAME"; for a dataset "ENDPOINT/api/datasets/OWNER/NAME".
std::string repo_api_url(const HubSettings& settings, const RepoId& repo);

/// The same with "/CALL/REVISION": the revision is one part, its slashes are percent-encoded.
std::string repo_api_url(const HubSettings& settings, const RepoId& repo, std::string_view call,
                         std::string_view revision);

/// The body of POST /api/repos/create. It gives the owner as organization, also for a user.
std::string make_create_repo_request(const RepoId& repo, bool private_repo);

/// A file as preupload describes it to the server.
struct PreuploadFile {
  std::string path;
  std::uint64_t size_bytes = 0;
  std::string sample;  ///< its first bytes, at most kPreuploadSampleBytes
};
constexpr std::size_t kPreuploadSampleBytes = 512;
constexpr std::size_t kMaxPreuploadFiles = 256;  ///< in one request

/// The server's answer for one file.
struct PreuploadAnswer {
  bool lfs = false;      ///< false: the content goes into the commit itself
  bool ignored = false;  ///< .gitignore excludes it from the commit
  std::string oid;       ///< the current content's sha256 (LFS) or git sha1; empty: no such file
};

std::string make_preupload_request(std::span<const PreuploadFile> files);
/// The answers in the order of `files`, whatever the order of the reply. Throws HubError.
std::vector<PreuploadAnswer> parse_preupload_reply(const HttpResponse& response,
                                                   std::span<const PreuploadFile> files);

/// The body of POST /api/validate-yaml.
std::string make_validate_yaml_request(std::string_view readme);
struct YamlVerdict {
  std::vector<std::string> errors;
  std::vector<std::string> warnings;
};
/// Empty for a reply of another form: servers other than the Hub may not support the call.
YamlVerdict parse_validate_yaml_reply(const HttpResponse& response);

/// One file of a commit.
struct CommitFile {
  std::string path;
  const LocalFile* file = nullptr;
  bool lfs = false;
  std::string oid;  ///< sha256 of LFS files, else git's blob sha1
};

/// The body of POST .../commit/REVISION (NDJSON). It reads and encodes (base64) regular files while
/// it is sent, so that a commit takes little memory, whatever the server wants inline. The files
/// must outlive it.
class CommitBody {
 public:
  /// `parent`: the parent commit; empty for an empty repository.
  CommitBody(std::string_view message, std::string_view parent, std::span<const CommitFile> files);

  std::uint64_t size_bytes() const { return size_bytes_; }

  /// Fills `into` with the bytes from `offset` on. Throws as LocalFile::read does.
  void read(std::uint64_t offset, std::span<std::byte> into) const;

 private:
  struct Segment {
    std::uint64_t begin = 0;
    std::uint64_t size_bytes = 0;
    std::string text;
    const LocalFile* file = nullptr;  ///< its base64 text instead of `text`
  };
  void add_text(std::string text);
  void add_base64(const LocalFile& file);

  std::vector<Segment> segments_;
  std::uint64_t size_bytes_ = 0;
};

struct CommitReply {
  std::string oid;
  std::string url;
  std::string pull_request_url;  ///< empty: no pull request
};
CommitReply parse_commit_reply(const HttpResponse& response);

/// The body of POST .../paths-info/REVISION: a form, as huggingface_hub sends it.
std::string make_paths_info_request(std::span<const CommitFile> files);
constexpr std::size_t kMaxPathsInfo = 500;  ///< files in one request
/// Whether the repository has each file with the content of its oid. Throws HubError.
bool holds_files(const HttpResponse& response, std::span<const CommitFile> files);

struct PullRequest {
  std::uint64_t number = 0;
  std::string oid;  ///< its newest commit
};
/// All pull requests in a reply to GET .../refs?include_prs=1, the newest first. Throws HubError.
std::vector<PullRequest> parse_pull_requests(const HttpResponse& response);

}  // namespace weightlift
