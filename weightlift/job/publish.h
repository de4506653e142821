#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "weightlift/base/temp_folder.h"
#include "weightlift/conversion.h"
#include "weightlift/hub/account.h"
#include "weightlift/hub/upload.h"
#include "weightlift/hub/upload_plan.h"
#include "weightlift/job/model_files.h"
#include "weightlift/progress.h"

namespace weightlift {

/// The folder's own name, also where it was given as "." or with a final slash. Throws IoError.
std::string name_of_folder(const std::filesystem::path& folder);

/// The repository that the options name: OWNER/NAME, or NAME alone where only the Hub knows the
/// token's account. `name` is the default of NAME. Throws UsageError.
std::string name_repo(const PublishOptions& options, const std::string& name);

/// The repository to publish to, OWNER/NAME. `name` is the default of NAME, the organization or the
/// account that of OWNER. Throws UsageError, and HubError (kAuth) where the account shows that the
/// Hub would refuse.
RepoId choose_repo(const PublishOptions& options, const std::string& name, const Account& account);

struct PublishRequest {
  std::filesystem::path folder;
  ModelFiles files;  ///< of the folder, as they were when it was verified
  RepoId repo;
  PublishOptions options;
  std::string license = {};  ///< of the weights, where the caller knows more than the folder
};

/// The card of a folder for its repository: it names the repository where the folder's own card
/// names the folder. It is in a temporary folder during the lifetime of this object.
class PublishedCard {
 public:
  /// Throws IoError where the card cannot be read or copied.
  explicit PublishedCard(const PublishRequest& request);

  /// The changed card; empty where weightlift publishes the folder's own card unchanged.
  const std::filesystem::path& path() const { return path_; }

 private:
  std::optional<TempFolder> folder_;
  std::filesystem::path path_;
};

/// Publishes a verified folder in one commit, with the card of PublishedCard. First notes the files
/// that it does not publish, and a license that forbids commercial use. Throws as require_accepted
/// and upload_folder.
Publication publish_folder(const PublishRequest& request, HttpClient& http, ProgressSink& progress);

/// Checks what publish_folder checks, with the same notes, and also what the account shows of the
/// token's rights. Sends no request that writes. Throws as publish_folder.
UploadPlan plan_publication(const PublishRequest& request, const Account& account, HttpClient& http,
                            ProgressSink& progress);

}  // namespace weightlift
