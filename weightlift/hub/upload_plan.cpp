#include "weightlift/hub/upload_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/hub/commit.h"
#include "weightlift/hub/reply.h"
#include "weightlift/hub/upload_session.h"

namespace weightlift {

namespace {

class Planning {
 public:
  Planning(HttpClient& http, const UploadRequest& request, ProgressSink& progress)
      : http_(http), request_(request), progress_(progress), session_(http, request, progress) {}

  UploadPlan run() {
    session_.open_files();
    find_repository();
    session_.validate_card();
    if (const auto revision = find_revision()) {
      session_.preupload(*revision);
      session_.hash();
      compared_ = true;
    }
    add_files();
    return std::move(plan_);
  }

 private:
  /// The reply to a GET; nothing for a status of 404.
  std::optional<HttpResponse> look(std::string url) {
    HttpRequest request;
    request.url = std::move(url);
    progress_.check();
    HttpResponse response = http_.send(request);
    constexpr int kNotFound = 404;
    if (!response.ok() && (response.status != kNotFound || is_required(response))) {
      throw_hub_error(request, response);
    }
    return response.ok() ? std::optional(std::move(response)) : std::nullopt;
  }

  /// Whether an upload fails where this is missing: it creates repositories and branches only.
  bool is_required(const HttpResponse& response) const {
    const bool of_repository = response.header("x-error-code") == "RepoNotFound";
    if (of_repository && !request_.create_repo) return true;
    const bool own_branch = !request_.create_pr && !request_.revision.starts_with("refs/");
    return request_.revision != kMain && !own_branch;
  }

  void find_repository() {
    const auto response = look(repo_api_url(http_.settings(), request_.repo));
    plan_.creates_repository = !response;
    if (response) session_.require_private(parse_reply(*response), false);
  }

  /// The revision to compare with: a new branch begins as main is. Nothing for a new or empty
  /// repository.
  std::optional<std::string> find_revision() {
    if (plan_.creates_repository) return {};
    if (look(session_.api_url("revision", request_.revision))) return request_.revision;
    if (request_.revision == kMain) return {};
    plan_.creates_branch = true;
    return look(session_.api_url("revision", kMain)) ? std::optional<std::string>(kMain)
                                                     : std::nullopt;
  }

  PlannedAction action_for(const UploadEntry& entry) const {
    if (entry.answer.ignored) return PlannedAction::kIgnore;
    return compared_ && entry.is_unchanged() ? PlannedAction::kKeep : PlannedAction::kCommit;
  }

  void add_files() {
    bool useful = false;
    for (UploadEntry& entry : session_.entries()) {
      const PlannedAction action = action_for(entry);
      useful = useful || action != PlannedAction::kIgnore;
      if (entry.sha256.empty()) {
        progress_.step(fmt::format("hash {}", shown(entry.path)), entry.file.size_bytes());
        entry.sha256 = entry.file.sha256([&](std::uint64_t bytes) {
          progress_.check();
          progress_.advance(bytes);
        });
      }
      plan_.files.push_back({entry.path, entry.file.size_bytes(), entry.sha256, action});
    }
    if (!useful) session_.refuse_ignored();
  }

  static constexpr const char* kMain = "main";

  HttpClient& http_;
  const UploadRequest& request_;
  ProgressSink& progress_;
  UploadSession session_;
  UploadPlan plan_;
  bool compared_ = false;  ///< with the repository's files
};

}  // namespace

std::string_view to_string(PlannedAction action) {
  switch (action) {
    case PlannedAction::kCommit:
      return "commit";
    case PlannedAction::kKeep:
      return "keep";
    case PlannedAction::kIgnore:
      return "ignore";
  }
  return {};
}

UploadPlan plan_upload(HttpClient& http, const UploadRequest& request, ProgressSink& progress) {
  return Planning(http, request, progress).run();
}

}  // namespace weightlift
