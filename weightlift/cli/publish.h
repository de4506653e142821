#pragma once

#include <cstddef>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/base/note.h"
#include "weightlift/base/progress.h"
#include "weightlift/base/temp_folder.h"
#include "weightlift/cli/publish_files.h"
#include "weightlift/hub/account.h"
#include "weightlift/hub/upload.h"
#include "weightlift/hub/upload_plan.h"

namespace CLI {
class App;
}

namespace weightlift {

/// The publishing options that `convert --push-to-hub` and `push` share.
struct PublishFlags {
  std::string repo_id;       ///< OWNER/NAME, NAME, or empty
  std::string organization;  ///< owner where repo_id names none
  std::string revision = "main";
  std::string commit_message = "Add model and image processor";
  bool private_repo = false;
  bool create_pr = false;
  std::string accepted_license;  ///< one that forbids commercial use, by its name
  bool operator==(const PublishFlags&) const = default;
};

/// --repo-id, --organization, --private, --create-pr, --revision, --commit-message and
/// --accept-license.
void add_publish_flags(CLI::App& command, PublishFlags& flags);

/// The command that publishes `folder` by hand, with these flags.
std::string push_command(const std::filesystem::path& folder, const RepoId& repo,
                         const PublishFlags& flags);

/// The folder's own name, also where it was given as "." or with a final slash. Throws IoError.
std::string name_of_folder(const std::filesystem::path& folder);

/// The repository that the flags name: OWNER/NAME, or NAME alone where only the Hub knows the
/// token's account. `name` is the default of NAME. Throws UsageError.
std::string name_repo(const PublishFlags& flags, const std::string& name);

/// The repository to publish to, OWNER/NAME. `name` is the default of NAME, the organization or the
/// account that of OWNER. Throws UsageError, and HubError (kAuth) where the account shows that the
/// Hub would refuse.
RepoId choose_repo(const PublishFlags& flags, const std::string& name, const Account& account);

/// The license that forbids commercial use of the folder's weights, as its card (`license`) or
/// timm's config states it; empty where there is none.
std::string find_noncommercial_license(const std::filesystem::path& folder);

/// Whether a license forbids commercial use, as "cc-by-nc-4.0" and "seer-license" do.
bool is_noncommercial(std::string_view license);

/// Throws UsageError, with the license and its address, for a license that forbids commercial use
/// and that the flags do not accept. `of`: the weights or the folder.
void require_accepted(const std::string& license, const PublishFlags& flags, const std::string& of);

struct PublishRequest {
  std::filesystem::path folder;
  ModelFiles files;  ///< of the folder, as they were when it was verified
  RepoId repo;
  PublishFlags flags;
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
CommitInfo publish_folder(const PublishRequest& request, HttpClient& http, ProgressSink& progress);

/// Checks what publish_folder checks, with the same notes, and also what the account shows of the
/// token's rights. Sends no request that writes. Throws as publish_folder.
UploadPlan plan_publication(const PublishRequest& request, const Account& account, HttpClient& http,
                            ProgressSink& progress);

/// The result in indented lines, the URL last.
std::string describe(const CommitInfo& info);

/// The same as JSON: `published` of docs/json.md.
nlohmann::ordered_json to_json(const RepoId& repo, const CommitInfo& info);

}  // namespace weightlift
