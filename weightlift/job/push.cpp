#include <utility>

#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/hub/account.h"
#include "weightlift/hub/upload_plan.h"
#include "weightlift/job/folder_check.h"
#include "weightlift/job/license.h"
#include "weightlift/job/model_files.h"
#include "weightlift/job/publish.h"
#include "weightlift/job/run_with_fetcher.h"
#include "weightlift/jobs.h"

namespace weightlift {

PushResult push(const PushRequest& request, ProgressSink& progress, const HubSettings* hub) {
  return run_with_fetcher(progress, hub, [&](Fetcher& fetcher, ProgressSink& shared) {
    const std::filesystem::path& folder = request.folder;
    ModelFiles files =
        list_model_files(folder, {{request.include, request.exclude}, request.training_state});
    require_inside(folder, files.paths);
    require_inside(folder, files.linked_folders);
    PushResult result;
    result.checked = check_model_folder(folder, files.of_model);
    result.training_state = files.training_state;
    if (files.paths.empty()) {
      throw UsageError(shown(folder), "no file matches include and exclude");
    }
    const std::string name = name_of_folder(folder);
    name_repo(request.options, name);  // refuses a bad name before a request
    const Account account = whoami(fetcher.http());
    const RepoId repo = choose_repo(request.options, name, account);
    result.repo_id = repo.string();
    result.account = account.name;
    result.noncommercial_license = find_noncommercial_license(folder);
    const PublishRequest publication = {folder, std::move(files), repo, request.options,
                                        result.noncommercial_license};
    if (!request.dry_run) {
      result.published = publish_folder(publication, fetcher.http(), shared);
      return result;
    }
    UploadPlan plan = plan_publication(publication, account, fetcher.http(), shared);
    result.creates_repository = plan.creates_repository;
    result.creates_branch = plan.creates_branch;
    result.files = std::move(plan.files);
    return result;
  });
}

}  // namespace weightlift
