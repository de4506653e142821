#pragma once

#include <filesystem>
#include <string>

#include "weightlift/conversion.h"

namespace CLI {
class App;
}

namespace weightlift {

/// --repo-id, --organization, --private, --create-pr, --revision, --commit-message and
/// --accept-license: the options that `convert --push-to-hub` and `push` share.
void add_publish_flags(CLI::App& command, PublishOptions& options);

/// The command that publishes `folder` by hand, with these options.
std::string push_command(const std::filesystem::path& folder, const std::string& repo_id,
                         const PublishOptions& options);

/// The result in indented lines, the URL last.
std::string describe(const Publication& publication);

}  // namespace weightlift
