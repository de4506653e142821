#include "weightlift/job/publisher.h"

#include "weightlift/hub/account.h"
#include "weightlift/job/model_files.h"
#include "weightlift/job/publish.h"

namespace weightlift {

Publisher::Publisher(Fetcher& fetcher, ProgressSink& progress)
    : fetcher_(fetcher), progress_(progress) {}

Publisher::~Publisher() = default;

std::string Publisher::choose(const PublishOptions& options, const std::string& folder_name) {
  require_token(fetcher_.http().settings());
  require_revision(options.revision);
  if (!account_) account_ = std::make_unique<const Account>(whoami(fetcher_.http()));
  return choose_repo(options, folder_name, *account_).string();
}

std::string Publisher::plan(const PublishOptions& options, const std::string& folder_name) {
  require_token(fetcher_.http().settings());
  require_revision(options.revision);
  return name_repo(options, folder_name);
}

Publication Publisher::publish(const std::filesystem::path& folder, const std::string& repo_id,
                               const PublishOptions& options, const std::string& license) {
  return publish_folder(
      {folder, list_model_files(folder), RepoId::parse(repo_id), options, license}, fetcher_.http(),
      progress_);
}

}  // namespace weightlift
