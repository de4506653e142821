#include "weightlift/hub/upload.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "weightlift/base/json.h"
#include "weightlift/base/message.h"
#include "weightlift/error.h"
#include "weightlift/hub/commit.h"
#include "weightlift/hub/lfs_upload.h"
#include "weightlift/hub/reply.h"
#include "weightlift/hub/upload_session.h"
#include "weightlift/progress.h"

namespace weightlift {

namespace {

using Json = nlohmann::json;

constexpr int kMaxTries = 10;  // of the commit: other commits may win the race each time
constexpr std::chrono::seconds kCommitPatience{300};  // a large commit may take a server long

class FolderUpload {
 public:
  FolderUpload(HttpClient& http, const UploadRequest& request, ProgressSink& progress)
      : http_(http), request_(request), progress_(progress), session_(http, request, progress) {}

  CommitInfo run() {
    try {
      return upload();
    } catch (const HubError& error) {
      if (!lost_) throw;
      throw with_hints(error,
                       advice(fmt::format("the commit may exist: look at {}/commits/{}",
                                          session_.web_url(), printable(request_.revision))));
    }
  }

 private:
  CommitInfo upload() {
    session_.open_files();
    if (request_.create_repo) create_repository();
    session_.validate_card();
    for (int tries = 0; tries < kMaxTries; ++tries) {
      if (tries > 0) http_.wait_to_retry(tries);  // with jitter, so that racing clients separate
      const std::string head = find_head();
      if (const auto made = find_lost_commit(head)) return *made;
      session_.preupload(request_.revision);
      session_.hash();
      const std::vector<CommitFile> files = changed_files();
      if (files.empty()) return without_commit(head);
      send_large(files);
      for (const UploadEntry& entry : session_.entries()) entry.file.require_unchanged();
      if (const auto made = commit(files, head)) return *made;
    }
    throw HubError(session_.web_url(),
                   fmt::format("no commit after {} tries ({})", kMaxTries, last_refusal_),
                   advice("try again later: uploaded files are not sent again"));
  }

  /// Creates the repository. Without the right to create one, it may still exist already.
  void create_repository() {
    const HttpRequest request =
        make_post(http_.settings().endpoint + "/api/repos/create",
                  make_create_repo_request(request_.repo, request_.private_repo));
    progress_.check();
    const HttpResponse response = http_.send(request);
    made_repository_ = response.ok();
    constexpr int kConflict = 409;
    if (response.ok() || response.status == kConflict) return;
    HttpRequest look;
    look.url = repo_api_url(http_.settings(), request_.repo);
    const bool may_exist =
        response.status == 401 || response.status == 402 || response.status == 403;
    if (!may_exist || !http_.send(look).ok()) throw_hub_error(request, response);
  }

  /// The current commit of the branch, empty where it has none yet.
  std::string find_head() {
    HttpRequest request;
    request.url = session_.api_url("revision", request_.revision);
    progress_.check();
    HttpResponse response = http_.send(request);
    constexpr int kNotFound = 404;
    if (response.status == kNotFound && response.header("x-error-code") != "RepoNotFound") {
      if (request_.revision == "main") return "";
      const bool own_branch = !request_.create_pr && !request_.revision.starts_with("refs/");
      if (!own_branch) throw_hub_error(request, response);
      create_branch();
      response = http_.send(request);
    }
    if (!response.ok()) throw_hub_error(request, response);
    const Json info = parse_reply(response);
    session_.require_private(info, made_repository_);
    return find_member(info, "sha") != nullptr ? require_string(response, info, "sha") : "";
  }

  void create_branch() {
    const HttpRequest request = make_post(session_.api_url("branch", request_.revision), "{}");
    const HttpResponse response = http_.send(request);
    constexpr int kConflict = 409;
    if (!response.ok() && response.status != kConflict) throw_hub_error(request, response);
  }

  std::vector<CommitFile> changed_files() {
    std::vector<CommitFile> files;
    std::vector<std::string> ignored;
    info_ = {};
    for (const UploadEntry& entry : session_.entries()) {
      if (entry.answer.ignored) {
        ignored.push_back(printable(entry.path));
      } else if (entry.is_unchanged()) {
        ++info_.unchanged;
      } else {
        files.push_back({entry.path, &entry.file, entry.lfs(), entry.oid()});
      }
    }
    info_.ignored = ignored.size();
    info_.committed = files.size();
    if (!ignored.empty() && !noted_ignored_) {
      progress_.note({NoteCode::kFilesIgnoredByGit,
                      "",
                      {{"files", fmt::format("{}", fmt::join(ignored, ", "))}}});
      noted_ignored_ = true;
    }
    return files;
  }

  CommitInfo without_commit(const std::string& head) {
    if (info_.unchanged == 0) session_.refuse_ignored();
    CommitInfo info = info_;
    info.nothing_changed = true;
    info.oid = head;
    info.url = commit_url(head);
    return info;
  }

  std::string commit_url(const std::string& oid) const {
    return oid.empty() ? session_.web_url() : fmt::format("{}/commit/{}", session_.web_url(), oid);
  }

  /// Uploads the LFS files. Equal files are one object.
  void send_large(std::span<const CommitFile> files) {
    std::map<std::string, LfsObject> unique;
    for (const CommitFile& file : files) {
      if (file.lfs) unique.try_emplace(file.oid, LfsObject{file.oid, file.file});
    }
    std::vector<LfsObject> objects;
    for (const auto& [oid, object] : unique) {
      if (!sent_.contains(oid)) objects.push_back(object);
    }
    if (!objects.empty()) {
      const std::vector<bool> present = upload_lfs_objects(
          http_, request_.repo, request_.create_pr ? "" : request_.revision, objects, progress_);
      for (std::size_t i = 0; i < objects.size(); ++i) sent_[objects[i].oid] = !present[i];
    }
    for (const CommitFile& file : files) {
      if (!file.lfs || sent_.at(file.oid)) ++info_.uploaded;
    }
  }

  /// The new commit; nothing where another try may succeed.
  std::optional<CommitInfo> commit(std::span<const CommitFile> files, const std::string& head) {
    const CommitBody body(request_.commit_message, head, files);
    const HttpUpload upload{body.size_bytes(),
                            [&](std::uint64_t offset, std::span<std::byte> into) {
                              progress_.check();
                              body.read(offset, into);
                            }};
    HttpRequest request =
        make_post(session_.api_url("commit", request_.revision) + session_.pr_query(), "");
    request.headers = {{"Content-Type", "application/x-ndjson"}};
    request.upload = &upload;
    request.retry = false;  // the commit may exist although its reply was lost
    request.timeout = kCommitPatience;
    progress_.step(fmt::format("commit {}", request_.repo.string()), 0);
    const Lost lost{head, {files.begin(), files.end()}};
    HttpResponse response;
    CommitReply reply;
    try {
      // On a new connection: where a reused connection breaks, libcurl sends the request again.
      response = HttpClient(http_.settings(), [&] { progress_.check(); }).send(request);
      if (response.ok()) reply = parse_commit_reply(response);
    } catch (const HubUnreachable& error) {
      lost_ = lost;
      last_refusal_ = error.what();
      return std::nullopt;
    } catch (const HubError&) {
      lost_ = lost;  // the server may have made the commit, and then sent a wrong reply
      if (const auto made = find_lost_commit(find_head())) return made;
      throw;
    }
    if (!response.ok()) {
      note_refusal(request, response, files, head);
      return std::nullopt;
    }
    return finish(reply);
  }

  /// Keeps the reason for another try. Throws where another try is useless.
  void note_refusal(const HttpRequest& request, const HttpResponse& response,
                    std::span<const CommitFile> files, const std::string& head) {
    constexpr int kPreconditionFailed = 412;
    constexpr int kServerErrors = 500;
    constexpr int kNotImplemented = 501;
    last_refusal_ = fmt::format("status {}", response.status);
    if (response.status == kPreconditionFailed || response.status == 408 ||
        response.status == 429) {
      return;
    }
    if (response.status < kServerErrors || response.status == kNotImplemented) {
      throw_hub_error(request, response);
    }
    lost_ = Lost{head, {files.begin(), files.end()}};  // a gateway may have lost the reply
  }

  CommitInfo finish(const CommitReply& reply) {
    if (request_.create_pr && reply.pull_request_url.empty()) {
      throw HubError(
          session_.web_url(),
          fmt::format("the server made commit {} without a pull request", printable(reply.oid)),
          advice("check this commit: the server may not support pull requests"));
    }
    CommitInfo info = info_;
    info.oid = printable(reply.oid);
    info.url = printable(reply.url, 400);
    info.pull_request_url = printable(reply.pull_request_url, 400);
    return info;
  }

  /// The commit whose reply was lost, if the repository now has equal files.
  std::optional<CommitInfo> find_lost_commit(const std::string& head) {
    if (!lost_) return std::nullopt;
    if (request_.create_pr) return find_lost_pull_request();
    if (head.empty() || head == lost_->parent || !holds_lost_files(head)) return std::nullopt;
    return finish({head, commit_url(head), {}});
  }

  std::optional<CommitInfo> find_lost_pull_request() {
    HttpRequest request;
    request.url = repo_api_url(http_.settings(), request_.repo) + "/refs?include_prs=1";
    std::vector<PullRequest> pulls = parse_pull_requests(session_.send(request));
    constexpr std::size_t kNewest = 3;
    pulls.resize(std::min(pulls.size(), kNewest));
    for (const PullRequest& pull : pulls) {
      if (!holds_lost_files(fmt::format("refs/pr/{}", pull.number))) continue;
      return finish({pull.oid, commit_url(pull.oid),
                     fmt::format("{}/discussions/{}", session_.web_url(), pull.number)});
    }
    return std::nullopt;
  }

  bool holds_lost_files(const std::string& revision) {
    const std::span<const CommitFile> files = lost_->files;
    for (std::size_t begin = 0; begin < files.size(); begin += kMaxPathsInfo) {
      const auto some = files.subspan(begin, std::min(kMaxPathsInfo, files.size() - begin));
      HttpRequest request =
          make_post(repo_api_url(http_.settings(), request_.repo, "paths-info", revision),
                    make_paths_info_request(some));
      request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
      if (!holds_files(session_.send(request), some)) return false;
    }
    return true;
  }

  struct Lost {
    std::string parent;
    std::vector<CommitFile> files;
  };

  HttpClient& http_;
  const UploadRequest& request_;
  ProgressSink& progress_;
  UploadSession session_;
  CommitInfo info_;
  std::map<std::string, bool> sent_;  // oid of each LFS object: whether its bytes were sent
  std::optional<Lost> lost_;
  std::string last_refusal_;
  bool made_repository_ = false;
  bool noted_ignored_ = false;
};

}  // namespace

CommitInfo upload_folder(HttpClient& http, const UploadRequest& request, ProgressSink& progress) {
  return FolderUpload(http, request, progress).run();
}

}  // namespace weightlift
