#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/base/progress.h"
#include "weightlift/base/temp_folder.h"
#include "weightlift/hub/upload.h"

namespace CLI {
class App;
}

namespace weightlift {

/// How and where something is published: what `convert --push-to-hub` and `push` share.
struct PublishFlags {
  std::string repo_id;       ///< OWNER/NAME, NAME, or empty
  std::string organization;  ///< owner where repo_id names none
  std::string revision = "main";
  std::string commit_message = "Add model and image processor";
  bool private_repo = false;
  bool create_pr = false;
  bool operator==(const PublishFlags&) const = default;
};

/// --repo-id, --organization, --private, --create-pr, --revision and --commit-message.
void add_publish_flags(CLI::App& command, PublishFlags& flags);

/// The command that publishes `folder` by hand, with these flags.
std::string push_command(const std::filesystem::path& folder, const RepoId& repo,
                         const PublishFlags& flags);

/// The folder's own name, also where it was given as "." or with a final slash. Throws IoError.
std::string name_of_folder(const std::filesystem::path& folder);

/// Where to, as far as the flags say it: OWNER/NAME, or NAME alone where only the Hub knows whose
/// token it is. NAME is `name` where none is given. Throws UsageError.
std::string name_repo(const PublishFlags& flags, const std::string& name);

/// Where to: OWNER/NAME as given; NAME is `name` where none is given, and OWNER the organisation or
/// the token's account, which the Hub is asked for. Throws UsageError, HubError.
RepoId choose_repo(const PublishFlags& flags, const std::string& name, HttpClient& http);

/// The files of a folder that belong to a model's repository.
struct ModelFiles {
  std::vector<std::string> paths;  ///< in the folder, with '/', sorted
  std::size_t hidden = 0;          ///< files and folders whose name begins with a dot
  std::size_t others = 0;          ///< __pycache__, links to folders or to nothing, devices
};
ModelFiles list_model_files(const std::filesystem::path& folder);

/// The licence that forbids commercial use of the folder's weights, as its card (`license`) or
/// timm's config states it; empty where there is none.
std::string find_noncommercial_license(const std::filesystem::path& folder);

/// True for "cc-by-nc-4.0" and other texts that say so.
bool is_noncommercial(std::string_view license);

/// The card of a folder as its repository shows it, which names the repository where the folder's
/// own names the folder. It lies in a temporary folder as long as this object lives.
class PublishedCard {
 public:
  /// Throws IoError where the card cannot be read or copied.
  PublishedCard(const std::filesystem::path& folder, const RepoId& repo, const PublishFlags& flags);

  /// The changed card; empty where the folder's own goes as it is.
  const std::filesystem::path& path() const { return path_; }

 private:
  std::optional<TempFolder> folder_;
  std::filesystem::path path_;
};

struct PublishRequest {
  std::filesystem::path folder;
  ModelFiles files;  ///< of the folder, as they were when it was verified
  RepoId repo;
  PublishFlags flags;
  std::string license = {};  ///< of the weights, where the caller knows more than the folder
};

/// Publishes a folder that was verified, in one commit, its card as PublishedCard has it. Notes
/// what is left out, and the licence of weights that must not be used commercially, before anything
/// is sent. Throws as upload_folder.
CommitInfo publish_folder(const PublishRequest& request, HttpClient& http, ProgressSink& progress);

/// What came of it, in indented lines, the URL last.
std::string describe(const CommitInfo& info);

/// The same on one line of JSON.
std::string to_json_line(const RepoId& repo, const CommitInfo& info);

}  // namespace weightlift
