#include "weightlift/cli/publish_flags.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "weightlift/base/message.h"
#include "weightlift/cli/words.h"
#include "weightlift/report/phrase.h"

namespace weightlift {

void add_publish_flags(CLI::App& command, PublishOptions& options) {
  const auto publishing = [](CLI::Option* option) { return option->group("Publishing"); };
  publishing(command.add_option("--repo-id", options.repo_id,
                                "Repository: OWNER/NAME, or NAME in your account"));
  publishing(command.add_option("--organization", options.organization,
                                "Owner of the repository, where --repo-id has none"));
  publishing(command.add_flag("--private", options.private_repo,
                              "Create a missing repository as a private one; refuse a public one"));
  publishing(command.add_flag("--create-pr", options.create_pr,
                              "Open a pull request instead of committing to the branch"));
  publishing(command
                 .add_option("--accept-license", options.accepted_license,
                             "Publish weights whose license forbids commercial use: its name")
                 ->type_name("LICENSE"));
  publishing(
      command.add_option("--revision", options.revision, "Branch to commit to, created if missing"))
      ->capture_default_str();
  publishing(command.add_option("--commit-message", options.commit_message, "Commit message"))
      ->capture_default_str();
}

std::string push_command(const std::filesystem::path& folder, const std::string& repo_id,
                         const PublishOptions& options) {
  const PublishOptions usual;
  std::string command =
      fmt::format("weightlift push {} {}", shell_quoted(folder.string()), repo_id);
  if (options.private_repo) command += " --private";
  if (options.create_pr) command += " --create-pr";
  if (!options.accepted_license.empty()) {
    command += " --accept-license " + shell_quoted(options.accepted_license);
  }
  if (options.revision != usual.revision)
    command += " --revision " + shell_quoted(options.revision);
  if (options.commit_message != usual.commit_message) {
    command += " --commit-message " + shell_quoted(options.commit_message);
  }
  return command;
}

std::string describe(const Publication& publication) {
  const std::string counts =
      publication.nothing_changed
          ? fmt::format("  nothing changed: the repository already has the {} files\n",
                        publication.unchanged)
          : fmt::format("  committed {} files ({} sent), {} unchanged\n", publication.committed,
                        publication.uploaded, publication.unchanged);
  const std::string& url =
      publication.pull_request_url.empty() ? publication.url : publication.pull_request_url;
  return fmt::format("{}{}\n", counts, printable(url, url.size()));
}

}  // namespace weightlift
