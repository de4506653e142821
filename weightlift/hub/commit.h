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

// The messages of a push, but for those of LFS (lfs.h). Replies are untrusted: what does not have
// the right form is a HubError that names the URL.

namespace weightlift {

/// "ENDPOINT/api/models/OWNER/NAME", of a dataset "ENDPOINT/api/datasets/OWNER/NAME".
std::string repo_api_url(const HubSettings& settings, const RepoId& repo);

/// The same with "/CALL/REVISION": the revision is one part, its slashes quoted.
std::string repo_api_url(const HubSettings& settings, const RepoId& repo, std::string_view call,
                         std::string_view revision);

/// POST /api/repos/create. The owner of the id goes as organisation, be it the user's own name.
std::string make_create_repo_request(const RepoId& repo, bool private_repo);

/// What preupload asks about each file.
struct PreuploadFile {
  std::string path;
  std::uint64_t size_bytes = 0;
  std::string sample;  ///< its first bytes, at most kPreuploadSampleBytes
};
constexpr std::size_t kPreuploadSampleBytes = 512;
constexpr std::size_t kMaxPreuploadFiles = 256;  ///< of one request

/// What the Hub says of each.
struct PreuploadAnswer {
  bool lfs = false;      ///< else it goes into the commit itself
  bool ignored = false;  ///< .gitignore names it: it is no part of the commit
  std::string oid;       ///< of the content it has there now, as its mode counts; empty: none
};

std::string make_preupload_request(std::span<const PreuploadFile> files);
/// In the order of `files`, whatever order the reply has.
std::vector<PreuploadAnswer> parse_preupload_reply(const HttpResponse& response,
                                                   std::span<const PreuploadFile> files);

/// POST /api/validate-yaml.
std::string make_validate_yaml_request(std::string_view readme);
struct YamlVerdict {
  std::vector<std::string> errors;
  std::vector<std::string> warnings;
};
/// Nothing where the reply is none of that form: servers other than the Hub need not know the call.
YamlVerdict parse_validate_yaml_reply(const HttpResponse& response);

/// One file of a commit.
struct CommitFile {
  std::string path;
  const LocalFile* file = nullptr;
  bool lfs = false;
  std::string oid;  ///< sha256 where it is LFS's, else git's blob sha1
};

/// The lines of POST .../commit/REVISION (NDJSON). Its regular files are read and encoded (base64)
/// as they are sent, so that a commit takes no memory, whatever the server wants inlined. The files
/// must outlive it.
class CommitBody {
 public:
  /// `parent`: the commit it builds on, empty for an empty repository.
  CommitBody(std::string_view message, std::string_view parent, std::span<const CommitFile> files);

  std::uint64_t size_bytes() const { return size_bytes_; }

  /// The bytes from `offset` on, as many as `into` holds. Throws as LocalFile::read.
  void read(std::uint64_t offset, std::span<std::byte> into) const;

 private:
  struct Segment {
    std::uint64_t begin = 0;
    std::uint64_t size_bytes = 0;
    std::string text;
    const LocalFile* file = nullptr;  ///< in base64, in place of `text`
  };
  void add_text(std::string text);
  void add_base64(const LocalFile& file);

  std::vector<Segment> segments_;
  std::uint64_t size_bytes_ = 0;
};

struct CommitReply {
  std::string oid;
  std::string url;
  std::string pull_request_url;  ///< empty: none was made
};
CommitReply parse_commit_reply(const HttpResponse& response);

/// POST .../paths-info/REVISION: a form, as huggingface_hub sends it.
std::string make_paths_info_request(std::span<const CommitFile> files);
constexpr std::size_t kMaxPathsInfo = 500;  ///< files of one request
/// Whether the repository holds each of the files with the content that its oid names.
bool holds_files(const HttpResponse& response, std::span<const CommitFile> files);

struct PullRequest {
  std::uint64_t number = 0;
  std::string oid;  ///< the commit it leads to
};
/// GET .../refs?include_prs=1: all pull requests, the newest first.
std::vector<PullRequest> parse_pull_requests(const HttpResponse& response);

}  // namespace weightlift
