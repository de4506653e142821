#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "weightlift/base/progress.h"
#include "weightlift/hub/http.h"
#include "weightlift/hub/lfs.h"
#include "weightlift/hub/repo_id.h"

namespace weightlift {

/// Sends what the store lacks, in basic or multipart form, parts and objects side by side. `branch`
/// is empty for a pull request. Returns which objects it had already, in the order of `objects`. A
/// URL that has expired is asked for anew; parts that were acknowledged are not sent again. Throws
/// HubError; what is in the store then stays there, and the next call does not send it again.
std::vector<bool> upload_lfs_objects(HttpClient& http, const RepoId& repo, std::string_view branch,
                                     std::span<const LfsObject> objects, ProgressSink& progress);

}  // namespace weightlift
