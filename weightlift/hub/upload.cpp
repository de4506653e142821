#include "weightlift/hub/upload.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "weightlift/base/error.h"
#include "weightlift/base/file.h"
#include "weightlift/base/hint.h"
#include "weightlift/base/json.h"
#include "weightlift/base/note.h"
#include "weightlift/base/posix.h"
#include "weightlift/hub/commit.h"
#include "weightlift/hub/lfs_upload.h"
#include "weightlift/hub/local_file.h"
#include "weightlift/hub/reply.h"

namespace weightlift {

namespace {

using Json = nlohmann::json;

constexpr int kMaxTries = 10;  // of the commit: other commits may win the race each time
constexpr std::chrono::seconds kCommitPatience{300};  // a large commit may take a server long
constexpr const char* kCard = "README.md";
constexpr std::size_t kMaxCardBytes = std::size_t{4} << 20;
constexpr const char* kEmptySha256 =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

HttpRequest make_post(std::string url, std::string body) {
  HttpRequest request;
  request.method = "POST";
  request.url = std::move(url);
  request.headers = {{"Content-Type", "application/json"}};
  request.body = std::move(body);
  return request;
}

/// One file of the folder, with its digests and the server's answer as far as they are known.
struct Entry {
  std::string path;
  LocalFile file;
  std::string sample;
  std::string sha256, git_sha1;  // computed when needed
  PreuploadAnswer answer;

  // An empty file never goes to LFS, whatever the server answers.
  bool lfs() const { return answer.lfs && file.size_bytes() > 0; }
  const std::string& oid() const { return lfs() ? sha256 : git_sha1; }
  bool is_unchanged() const {
    return answer.oid == oid() || (file.size_bytes() == 0 && answer.oid == kEmptySha256);
  }
};

class FolderUpload {
 public:
  FolderUpload(HttpClient& http, const UploadRequest& request, ProgressSink& progress)
      : http_(http), request_(request), progress_(progress) {}

  CommitInfo run() {
    check_request();
    open_files();
    if (request_.create_repo) create_repository();
    validate_card();
    for (int tries = 0; tries < kMaxTries; ++tries) {
      if (tries > 0) http_.wait_to_retry(tries);  // with jitter, so that racing clients separate
      const std::string head = find_head();
      if (const auto made = find_lost_commit(head)) return *made;
      preupload();
      hash();
      const std::vector<CommitFile> files = changed_files();
      if (files.empty()) return without_commit(head);
      send_large(files);
      for (const Entry& entry : entries_) entry.file.require_unchanged();
      if (const auto made = commit(files, head)) return *made;
    }
    throw HubError(web_url(),
                   fmt::format("no commit after {} tries ({})", kMaxTries, last_refusal_),
                   advice("try again later: uploaded files are not sent again"));
  }

 private:
  void check_request() const {
    if (request_.repo.owner().empty()) {
      throw UsageError(request_.repo.string(), "the repository name has no owner",
                       advice("write it as owner/name"));
    }
    if (request_.files.empty()) {
      throw UsageError(shown(request_.folder), "no files to upload");
    }
    require_revision(request_.revision);
    if (is_commit(request_.revision)) {
      throw UsageError("revision",
                       fmt::format("expected a branch, got the commit {}", request_.revision));
    }
  }

  void open_files() {
    for (const std::string& path : request_.files) {
      constexpr std::size_t kWhole = 8192;
      if (printable(path, kWhole) != path) {
        throw UsageError(shown(request_.folder),
                         fmt::format("file name: expected UTF-8 without control characters, got {}",
                                     printable(path)));
      }
      const bool replaced = path == kCard && !request_.card.empty();
      Entry entry{path, LocalFile(replaced ? request_.card : request_.folder / path), {}, {}, {},
                  {}};
      entry.sample.resize(static_cast<std::size_t>(
          std::min<std::uint64_t>(kPreuploadSampleBytes, entry.file.size_bytes())));
      entry.file.read(0, std::as_writable_bytes(std::span(entry.sample)));
      entries_.push_back(std::move(entry));
    }
  }

  std::string web_url() const {
    return fmt::format("{}/{}", http_.settings().endpoint, request_.repo.string());
  }

  std::string api_url(std::string_view call) const {
    return repo_api_url(http_.settings(), request_.repo, call, request_.revision);
  }

  HttpResponse send(const HttpRequest& request) {
    progress_.check();
    HttpResponse response = http_.send(request);
    if (!response.ok()) throw_hub_error(request, response);
    return response;
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

  /// The Hub checks the card's metadata before the commit. Other servers may not support the call.
  void validate_card() {
    const auto card =
        std::ranges::find_if(entries_, [](const Entry& entry) { return entry.path == kCard; });
    if (card == entries_.end() || card->file.size_bytes() > kMaxCardBytes) return;
    std::string text(static_cast<std::size_t>(card->file.size_bytes()), '\0');
    card->file.read(0, std::as_writable_bytes(std::span(text)));
    HttpRequest request = make_post(http_.settings().endpoint + "/api/validate-yaml",
                                    make_validate_yaml_request(text));
    request.retry = false;
    progress_.check();
    const YamlVerdict verdict = parse_validate_yaml_reply(http_.send(request));
    for (const std::string& warning : verdict.warnings) {
      progress_.note({NoteCode::kHubWarning, std::string(kCard), {{"text", warning}}});
    }
    if (!verdict.errors.empty()) {
      throw HubError(
          ErrorKind::kInvalidFormat, shown(request_.folder / kCard),
          fmt::format("the Hub refused the metadata: {}", fmt::join(verdict.errors, "; ")), {});
    }
  }

  /// The current commit of the branch, empty where it has none yet.
  std::string find_head() {
    HttpRequest request;
    request.url = api_url("revision");
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
    require_private(info);
    return find_member(info, "sha") != nullptr ? require_string(response, info, "sha") : "";
  }

  void create_branch() {
    const HttpRequest request = make_post(api_url("branch"), "{}");
    const HttpResponse response = http_.send(request);
    constexpr int kConflict = 409;
    if (!response.ok() && response.status != kConflict) throw_hub_error(request, response);
  }

  /// Throws where a private upload would become public.
  void require_private(const Json& info) {
    const Json* is_private = find_member(info, "private");
    if (!request_.private_repo || is_private == nullptr || *is_private != Json(false)) return;
    throw HubError(ErrorKind::kMismatch, web_url(),
                   fmt::format("{}; sent no files",
                               made_repository_ ? "the server created a public repository"
                                                : "the repository already exists and is public"),
                   {{HintCode::kAllowPublic, {}}});
  }

  void preupload() {
    for (std::size_t begin = 0; begin < entries_.size(); begin += kMaxPreuploadFiles) {
      const std::size_t count = std::min(kMaxPreuploadFiles, entries_.size() - begin);
      std::vector<PreuploadFile> files;
      for (std::size_t i = begin; i < begin + count; ++i) {
        files.push_back({entries_[i].path, entries_[i].file.size_bytes(), entries_[i].sample});
      }
      const HttpResponse response =
          send(make_post(api_url("preupload") + pr_query(), make_preupload_request(files)));
      const std::vector<PreuploadAnswer> answers = parse_preupload_reply(response, files);
      for (std::size_t i = 0; i < count; ++i) entries_[begin + i].answer = answers[i];
    }
  }

  std::string pr_query() const { return request_.create_pr ? "?create_pr=1" : ""; }

  /// Hashes each file once, with the digest of its mode.
  void hash() {
    std::uint64_t total = 0;
    const auto is_missing = [](const Entry& entry) {
      return !entry.answer.ignored && entry.oid().empty();
    };
    for (const Entry& entry : entries_) total += is_missing(entry) ? entry.file.size_bytes() : 0;
    if (total > 0) progress_.step(fmt::format("hash {}", shown(request_.folder)), total);
    std::uint64_t done = 0;
    for (Entry& entry : entries_) {
      if (!is_missing(entry)) continue;
      const auto advance = [&](std::uint64_t bytes) {
        progress_.check();
        progress_.advance(done + bytes);
      };
      if (entry.lfs()) {
        entry.sha256 = entry.file.sha256(advance);
      } else {
        entry.git_sha1 = entry.file.git_blob_sha1(advance);
      }
      done += entry.file.size_bytes();
    }
  }

  std::vector<CommitFile> changed_files() {
    std::vector<CommitFile> files;
    std::vector<std::string> ignored;
    info_ = {};
    for (const Entry& entry : entries_) {
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
    if (info_.unchanged == 0) {
      throw HubError(web_url(),
                     "no files to commit: the repository's .gitignore excludes all of them");
    }
    CommitInfo info = info_;
    info.nothing_changed = true;
    info.oid = head;
    info.url = commit_url(head);
    return info;
  }

  std::string commit_url(const std::string& oid) const {
    return oid.empty() ? web_url() : fmt::format("{}/commit/{}", web_url(), oid);
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
    HttpRequest request = make_post(api_url("commit") + pr_query(), "");
    request.headers = {{"Content-Type", "application/x-ndjson"}};
    request.upload = &upload;
    request.retry = false;  // the commit may exist although its reply was lost
    request.timeout = kCommitPatience;
    progress_.step(fmt::format("commit {}", request_.repo.string()), 0);
    HttpResponse response;
    try {
      // On a new connection: where a reused connection breaks, libcurl sends the request again.
      response = HttpClient(http_.settings(), [&] { progress_.check(); }).send(request);
    } catch (const HubUnreachable& error) {
      lost_ = Lost{head, {files.begin(), files.end()}};
      last_refusal_ = error.what();
      return std::nullopt;
    }
    if (!response.ok()) {
      note_refusal(request, response, files, head);
      return std::nullopt;
    }
    return finish(parse_commit_reply(response));
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
          web_url(),
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
    std::vector<PullRequest> pulls = parse_pull_requests(send(request));
    constexpr std::size_t kNewest = 3;
    pulls.resize(std::min(pulls.size(), kNewest));
    for (const PullRequest& pull : pulls) {
      if (!holds_lost_files(fmt::format("refs/pr/{}", pull.number))) continue;
      return finish({pull.oid, commit_url(pull.oid),
                     fmt::format("{}/discussions/{}", web_url(), pull.number)});
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
      if (!holds_files(send(request), some)) return false;
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
  std::vector<Entry> entries_;
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

std::string whoami(HttpClient& http) {
  if (http.settings().token.empty()) {
    throw HubError(ErrorKind::kAuth, "HF_TOKEN", "publishing needs a token, and there is none",
                   advice("set HF_TOKEN, or log in with: hf auth login"));
  }
  HttpRequest request;
  request.url = http.settings().endpoint + "/api/whoami-v2";
  const HttpResponse response = http.send(request);
  if (!response.ok()) throw_hub_error(request, response);
  return require_string(response, parse_reply(response), "name");
}

}  // namespace weightlift
