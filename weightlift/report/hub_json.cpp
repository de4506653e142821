#include "weightlift/report/hub_json.h"

#include <nlohmann/json.hpp>

namespace weightlift {

namespace {

using Json = nlohmann::ordered_json;

void add_plan(Json& json, const std::string& revision, const PushResult& plan) {
  json["dry_run"] = true;
  json["repo_id"] = plan.repo_id;
  json["revision"] = revision;
  json["account"] = plan.account;
  json["creates_repository"] = plan.creates_repository;
  json["creates_branch"] = plan.creates_branch;
  json["checked"] = plan.checked;
  if (!plan.noncommercial_license.empty()) {
    json["noncommercial_license"] = plan.noncommercial_license;
  }
  json["files"] = Json::array();
  for (const PlannedFile& file : plan.files) {
    json["files"].push_back({{"path", file.path},
                             {"size", file.size_bytes},
                             {"sha256", file.sha256},
                             {"action", to_string(file.action)}});
  }
}

}  // namespace

Json to_json(const Publication& publication) {
  Json json = {
      {"repo_id", publication.repo_id},   {"commit", publication.commit},
      {"commit_url", publication.url},    {"committed", publication.committed},
      {"uploaded", publication.uploaded}, {"unchanged", publication.unchanged},
      {"ignored", publication.ignored},   {"nothing_changed", publication.nothing_changed}};
  if (!publication.pull_request_url.empty())
    json["pull_request_url"] = publication.pull_request_url;
  return json;
}

Json push_json(const Subject& subject, const std::string& revision, const PushResult& result,
               const Notes& notes) {
  const auto& published = result.published;
  Json json = begin_json(subject, !published                   ? "skipped"
                                  : published->nothing_changed ? "already"
                                                               : "ok");
  if (!published) {
    add_plan(json, revision, result);
  } else {
    json["checked"] = result.checked;
    json["published"] = to_json(*published);
  }
  json["training_state"] = result.training_state;
  json["notes"] = to_json(notes);
  return json;
}

Json pull_json(const Subject& subject, const PullResult& result, const Notes& notes) {
  Json json = begin_json(subject, "ok");
  json["repo_id"] = result.repo_id;
  json["revision"] = result.revision;
  json["commit"] = result.commit;
  json["folder"] = result.folder.string();
  json["notes"] = to_json(notes);
  return json;
}

}  // namespace weightlift
