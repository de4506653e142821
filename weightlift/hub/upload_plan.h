#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/hub.h"
#include "weightlift/hub/upload.h"
#include "weightlift/progress.h"

namespace weightlift {

/// What an upload would do.
struct UploadPlan {
  bool creates_repository = false;
  bool creates_branch = false;  ///< of a repository that exists
  std::vector<PlannedFile> files;
};

/// Checks what upload_folder checks, and finds what it would do. Sends no request that writes: it
/// reads the repository and the branch, and posts the card's metadata, the files' sizes and their
/// first bytes to the calls that only check them. Throws as upload_folder does.
UploadPlan plan_upload(HttpClient& http, const UploadRequest& request, ProgressSink& progress);

}  // namespace weightlift
