#include "weightlift/hub/upload_session.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "weightlift/base/file.h"
#include "weightlift/base/json.h"
#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/base/text.h"
#include "weightlift/error.h"
#include "weightlift/progress.h"

namespace weightlift {

namespace {

using Json = nlohmann::json;

constexpr const char* kCard = "README.md";
constexpr std::size_t kMaxCardBytes = std::size_t{4} << 20;
constexpr const char* kEmptySha256 =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

void check_request(const UploadRequest& request) {
  if (request.repo.owner().empty()) {
    throw UsageError(request.repo.string(), "the repository name has no owner",
                     advice("write it as owner/name"));
  }
  if (request.files.empty()) {
    throw UsageError(shown(request.folder), "no files to upload");
  }
  require_revision(request.revision);
  if (is_commit(request.revision)) {
    throw UsageError("revision",
                     fmt::format("expected a branch, got the commit {}", request.revision));
  }
}

}  // namespace

void require_inside(const std::filesystem::path& folder, const std::vector<std::string>& files) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path root = fs::canonical(folder, error);
  const fs::path snapshots = root.parent_path();
  const fs::path blobs = snapshots.parent_path() / "blobs";
  const auto is_hidden = [&](const fs::path& file) {
    return std::ranges::any_of(file.lexically_relative(root),
                               [](const fs::path& part) { return part.native().starts_with('.'); });
  };
  std::vector<std::string> outside;
  for (const std::string& path : files) {
    const fs::path file = fs::canonical(folder / path, error);
    if (error) continue;                // opening the file reports it
    if (file == root / path) continue;  // no link
    const bool cached = snapshots.filename() == "snapshots" && file.parent_path() == blobs;
    if (cached || (is_within(file, root) && !is_hidden(file))) continue;
    outside.push_back(fmt::format("{} -> {}", printable(path), shown(file)));
  }
  if (outside.empty()) return;
  constexpr std::size_t kShown = 20;
  throw UsageError(shown(folder),
                   fmt::format("symbolic links lead out of the folder, or to hidden files: {}",
                               first_of(outside, kShown)),
                   advice("replace each link by a copy of its file, or skip it"));
}

HttpRequest make_post(std::string url, std::string body) {
  HttpRequest request;
  request.method = "POST";
  request.url = std::move(url);
  request.headers = {{"Content-Type", "application/json"}};
  request.body = std::move(body);
  return request;
}

bool UploadEntry::is_unchanged() const {
  return answer.oid == oid() || (file.size_bytes() == 0 && answer.oid == kEmptySha256);
}

UploadSession::UploadSession(HttpClient& http, const UploadRequest& request, ProgressSink& progress)
    : http_(http), request_(request), progress_(progress) {
  check_request(request);
}

void UploadSession::open_files() {
  require_inside(request_.folder, request_.files);
  for (const std::string& path : request_.files) {
    if (!is_printable(path)) {
      throw UsageError(shown(request_.folder),
                       fmt::format("file name: expected UTF-8 without control characters, got {}",
                                   printable(path)));
    }
    const bool replaced = path == kCard && !request_.card.empty();
    UploadEntry entry{path, LocalFile(replaced ? request_.card : request_.folder / path)};
    entry.sample.resize(static_cast<std::size_t>(
        std::min<std::uint64_t>(kPreuploadSampleBytes, entry.file.size_bytes())));
    entry.file.read(0, std::as_writable_bytes(std::span(entry.sample)));
    entries_.push_back(std::move(entry));
  }
}

std::string UploadSession::web_url() const {
  return fmt::format("{}/{}", http_.settings().endpoint, request_.repo.string());
}

std::string UploadSession::api_url(std::string_view call, std::string_view revision) const {
  return repo_api_url(http_.settings(), request_.repo, call, revision);
}

HttpResponse UploadSession::send(const HttpRequest& request) {
  progress_.check();
  HttpResponse response = http_.send(request);
  if (!response.ok()) throw_hub_error(request, response);
  return response;
}

void UploadSession::validate_card() {
  const auto card =
      std::ranges::find_if(entries_, [](const UploadEntry& entry) { return entry.path == kCard; });
  if (card == entries_.end() || card->file.size_bytes() > kMaxCardBytes) return;
  std::string text(static_cast<std::size_t>(card->file.size_bytes()), '\0');
  card->file.read(0, std::as_writable_bytes(std::span(text)));
  HttpRequest request =
      make_post(http_.settings().endpoint + "/api/validate-yaml", make_validate_yaml_request(text));
  request.retry = false;
  progress_.check();
  YamlVerdict verdict;
  try {
    verdict = parse_validate_yaml_reply(http_.send(request));
  } catch (const HubError&) {
    return;  // the reply is only advice: the commit decides
  }
  for (const std::string& warning : verdict.warnings) {
    progress_.note({NoteCode::kHubWarning, std::string(kCard), {{"text", warning}}});
  }
  if (!verdict.errors.empty()) {
    throw HubError(ErrorKind::kInvalidFormat, shown(request_.folder / kCard),
                   fmt::format("the Hub refused the metadata: {}", fmt::join(verdict.errors, "; ")),
                   {});
  }
}

void UploadSession::preupload(std::string_view revision) {
  const std::string url = api_url("preupload", revision) + pr_query();
  for (std::size_t begin = 0; begin < entries_.size(); begin += kMaxPreuploadFiles) {
    const std::size_t count = std::min(kMaxPreuploadFiles, entries_.size() - begin);
    std::vector<PreuploadFile> files;
    for (std::size_t i = begin; i < begin + count; ++i) {
      files.push_back({entries_[i].path, entries_[i].file.size_bytes(), entries_[i].sample});
    }
    const HttpResponse response = send(make_post(url, make_preupload_request(files)));
    const std::vector<PreuploadAnswer> answers = parse_preupload_reply(response, files);
    for (std::size_t i = 0; i < count; ++i) entries_[begin + i].answer = answers[i];
  }
}

void UploadSession::hash() {
  std::uint64_t total = 0;
  const auto is_missing = [](const UploadEntry& entry) {
    return !entry.answer.ignored && entry.oid().empty();
  };
  for (const UploadEntry& entry : entries_)
    total += is_missing(entry) ? entry.file.size_bytes() : 0;
  if (total > 0) progress_.step(fmt::format("hash {}", shown(request_.folder)), total);
  std::uint64_t done = 0;
  for (UploadEntry& entry : entries_) {
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

void UploadSession::require_private(const Json& info, bool created) const {
  const Json* is_private = find_member(info, "private");
  if (!request_.private_repo || is_private == nullptr || *is_private != Json(false)) return;
  throw HubError(
      ErrorKind::kMismatch, web_url(),
      fmt::format("{}; sent no files", created ? "the server created a public repository"
                                               : "the repository already exists and is public"),
      {{HintCode::kAllowPublic, {}}});
}

void UploadSession::refuse_ignored() const {
  throw HubError(web_url(), "no files to commit: the repository's .gitignore excludes all of them");
}

}  // namespace weightlift
