#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "weightlift/hub/http.h"
#include "weightlift/hub/lfs.h"
#include "weightlift/hub/repo_id.h"
#include "weightlift/progress.h"

namespace weightlift {

/// Returns for each object whether the storage already had it; uploads the others, whole or in
/// parts, several at once. `branch` is empty for a pull request. Requests new URLs for expired
/// ones, and does not repeat acknowledged parts. Throws HubError; uploaded objects stay in the
/// storage, and the next call does not send them again.
std::vector<bool> upload_lfs_objects(HttpClient& http, const RepoId& repo, std::string_view branch,
                                     std::span<const LfsObject> objects, ProgressSink& progress);

}  // namespace weightlift
