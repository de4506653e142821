#include "weightlift/hub/upload.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "weightlift/base/error.h"
#include "weightlift/base/file.h"
#include "weightlift/base/json.h"
#include "weightlift/base/posix.h"
#include "weightlift/hub/commit.h"
#include "weightlift/hub/lfs_upload.h"
#include "weightlift/hub/local_file.h"
#include "weightlift/hub/reply.h"

namespace weightlift {

namespace {

using Json = nlohmann::json;

constexpr int kMaxTries = 10;  // of the commit: each lost race is another's commit
constexpr std::chrono::seconds kCommitPatience{300};  // a server may take long over a large commit
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

/// One file of the folder, with what is known of it so far.
struct Entry {
  std::string path;
  LocalFile file;
  std::string sample;
  std::string sha256, git_sha1;  // once they were needed
  PreuploadAnswer answer;

  // An empty file has nothing to store apart, whatever the server says.
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
    require_sense();
    open_files();
    if (request_.create_repo) create_repository();
    validate_card();
    for (int tries = 0; tries < kMaxTries; ++tries) {
      if (tries > 0) http_.wait_to_retry(tries);  // not in step with the race's winners
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
    throw HubError(
        fmt::format("{}: commit: expected it to be taken, got {} tries without success "
                    "({}); what was uploaded stays, push again later",
                    web_url(), kMaxTries, last_refusal_));
  }

 private:
  void require_sense() const {
    if (request_.repo.owner().empty()) {
      throw UsageError(
          fmt::format("{}: repository: expected OWNER/NAME, got no owner", request_.repo.string()));
    }
    if (request_.files.empty()) {
      throw UsageError(
          fmt::format("{}: expected files to upload, got none", shown(request_.folder)));
    }
    require_revision(request_.revision);
    if (is_commit(request_.revision)) {
      throw UsageError(
          fmt::format("--revision {}: expected a branch, got a commit", request_.revision));
    }
  }

  void open_files() {
    for (const std::string& path : request_.files) {
      constexpr std::size_t kWhole = 8192;
      if (printable(path, kWhole) != path) {
        throw UsageError(fmt::format("{}: name: expected UTF-8 without control characters, got {}",
                                     shown(request_.folder), printable(path)));
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

  /// Where the token may not create, the repository may be there already.
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
    const bool may_be_there =
        response.status == 401 || response.status == 402 || response.status == 403;
    if (!may_be_there || !http_.send(look).ok()) throw_hub_error(request, response);
  }

  /// The Hub reads the card's metadata before the commit. Other servers need not know the call.
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
      progress_.note(fmt::format("README.md: the Hub warns: {}", warning));
    }
    if (!verdict.errors.empty()) {
      throw HubError(fmt::format("{}: metadata: the Hub refuses it: {}",
                                 shown(request_.folder / kCard), fmt::join(verdict.errors, "; ")));
    }
  }

  /// The commit that the branch means now, empty where there is none yet.
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

  /// What was meant to be private must not become public without a word.
  void require_private(const Json& info) {
    const Json* is_private = find_member(info, "private");
    if (!request_.private_repo || is_private == nullptr || *is_private != Json(false)) return;
    throw HubError(
        fmt::format("{}: --private: expected a private repository, got a public one{}; "
                    "nothing was sent",
                    web_url(), made_repository_ ? "" : " that was there before"));
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

  /// Each file once, in the way that its mode needs.
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
      const auto tell = [&](std::uint64_t bytes) {
        progress_.check();
        progress_.advance(done + bytes);
      };
      if (entry.lfs()) {
        entry.sha256 = entry.file.sha256(tell);
      } else {
        entry.git_sha1 = entry.file.git_blob_sha1(tell);
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
    if (!ignored.empty() && !told_ignored_) {
      progress_.note(fmt::format("left out, as the repository's .gitignore asks: {}",
                                 fmt::join(ignored, ", ")));
      told_ignored_ = true;
    }
    return files;
  }

  CommitInfo without_commit(const std::string& head) {
    if (info_.unchanged == 0) {
      throw HubError(
          fmt::format("{}: expected a file to commit, got .gitignore for all of them", web_url()));
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

  /// Equal files are one object.
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

  /// Nothing where it is to be tried again.
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
    request.retry = false;  // a commit whose reply was lost may have been made
    request.timeout = kCommitPatience;
    progress_.step(fmt::format("commit {}", request_.repo.string()), 0);
    HttpResponse response;
    try {
      // On a connection of its own: where one that was open before breaks, libcurl sends a request
      // again by itself.
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

  /// Throws unless the commit is worth another try.
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
          fmt::format("{}: pull request: expected one, got the commit {} without; this server may "
                      "not have pull requests, look at what it committed",
                      web_url(), printable(reply.oid)));
    }
    CommitInfo info = info_;
    info.oid = printable(reply.oid);
    info.url = printable(reply.url, 400);
    info.pull_request_url = printable(reply.pull_request_url, 400);
    return info;
  }

  /// Whether the commit whose reply was lost was made: the files are there now, equal.
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
  std::map<std::string, bool> sent_;  // oid of LFS objects: whether their bytes went over
  std::optional<Lost> lost_;
  std::string last_refusal_;
  bool made_repository_ = false;
  bool told_ignored_ = false;
};

}  // namespace

CommitInfo upload_folder(HttpClient& http, const UploadRequest& request, ProgressSink& progress) {
  return FolderUpload(http, request, progress).run();
}

std::string whoami(HttpClient& http) {
  if (http.settings().token.empty()) {
    throw HubError(
        "account: expected a token, got none; set HF_TOKEN, or log in with: hf auth login");
  }
  HttpRequest request;
  request.url = http.settings().endpoint + "/api/whoami-v2";
  const HttpResponse response = http.send(request);
  if (!response.ok()) throw_hub_error(request, response);
  return require_string(response, parse_reply(response), "name");
}

}  // namespace weightlift
