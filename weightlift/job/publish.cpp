#include "weightlift/job/publish.h"

#include <fmt/format.h>

#include <algorithm>

#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/export/model_card.h"
#include "weightlift/job/license.h"
#include "weightlift/models/model_config.h"
#include "weightlift/progress.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

std::string noncommercial_license(const PublishRequest& request) {
  return is_noncommercial(request.license) ? request.license
                                           : find_noncommercial_license(request.folder);
}

/// Notes what the caller may not expect of the commit. Throws as require_accepted.
void settle_decisions(const PublishRequest& request, const PublishedCard& card,
                      ProgressSink& progress) {
  note_skipped_files(request.files, progress);
  const std::string license = noncommercial_license(request);
  if (!license.empty()) {
    progress.note({NoteCode::kNoncommercialLicense,
                   request.repo.string(),
                   {{"license", printable(license)}}});
  }
  if (!card.path().empty()) {
    progress.note({NoteCode::kCardNamesRepository,
                   std::string(kCardFile),
                   {{"repository", request.repo.string()}}});
  }
  require_accepted(license, request.options, request.folder.string());
}

UploadRequest make_upload(const PublishRequest& request, const PublishedCard& card) {
  return {.folder = request.folder,
          .files = request.files.paths,
          .card = card.path(),
          .repo = request.repo,
          .revision = request.options.revision,
          .commit_message = request.options.commit_message,
          .create_repo = true,
          .private_repo = request.options.private_repo,
          .create_pr = request.options.create_pr};
}

}  // namespace

std::string name_of_folder(const fs::path& folder) {
  std::error_code error;
  const fs::path whole = fs::canonical(folder, error);
  if (error) throw IoError(shown(folder), error.message());
  return whole.filename().string();
}

std::string name_repo(const PublishOptions& options, const std::string& name) {
  const RepoId given = RepoId::parse(options.repo_id.empty() ? name : options.repo_id);
  if (options.organization.empty() || options.organization == given.owner()) return given.string();
  if (given.owner().empty())
    return RepoId::parse(options.organization + "/" + given.name()).string();
  throw UsageError("organization", fmt::format("the repository's owner is {}, not {}",
                                               given.owner(), printable(options.organization)));
}

RepoId choose_repo(const PublishOptions& options, const std::string& name, const Account& account) {
  const std::string named = name_repo(options, name);
  const bool owned = named.find('/') != std::string::npos;
  RepoId repo = RepoId::parse(owned ? named : account.name + "/" + named);
  require_write_access(account, repo, options.create_pr);
  return repo;
}

PublishedCard::PublishedCard(const PublishRequest& request) {
  const PublishOptions& options = request.options;
  if (std::ranges::find(request.files.paths, kCardFile) == request.files.paths.end()) return;
  const std::string card = read_text_if_there(request.folder / kCardFile, kMaxConfigBytes);
  // A pull request's card names the branch that will contain it after the merge.
  const bool branch =
      options.revision != PublishOptions().revision && !options.revision.starts_with("refs/");
  const std::string placed = place_model_card(
      card,
      {name_of_folder(request.folder), request.repo.string(), branch ? options.revision : ""});
  if (placed == card) return;
  std::error_code error;
  const fs::path parent = fs::temp_directory_path(error);
  if (error) throw IoError("TMPDIR", error.message());
  remove_stale_folders(parent);
  folder_.emplace(parent, "weightlift-card");
  path_ = folder_->path() / kCardFile;
  write_atomically(path_, placed);
}

Publication publish_folder(const PublishRequest& request, HttpClient& http,
                           ProgressSink& progress) {
  const PublishedCard card(request);
  settle_decisions(request, card, progress);
  CommitInfo info = upload_folder(http, make_upload(request, card), progress);
  return {.repo_id = request.repo.string(),
          .commit = std::move(info.oid),
          .url = std::move(info.url),
          .pull_request_url = std::move(info.pull_request_url),
          .committed = info.committed,
          .uploaded = info.uploaded,
          .unchanged = info.unchanged,
          .ignored = info.ignored,
          .nothing_changed = info.nothing_changed};
}

UploadPlan plan_publication(const PublishRequest& request, const Account& account, HttpClient& http,
                            ProgressSink& progress) {
  const PublishedCard card(request);
  settle_decisions(request, card, progress);
  UploadPlan plan = plan_upload(http, make_upload(request, card), progress);
  if (plan.creates_repository) require_write_access(account, request.repo, false);
  return plan;
}

}  // namespace weightlift
