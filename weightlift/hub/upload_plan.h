#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/hub/upload.h"
#include "weightlift/progress.h"

namespace weightlift {

/// What an upload would do with a file.
enum class PlannedAction : std::uint8_t {
  kCommit,
  kKeep,    ///< the repository has the same content
  kIgnore,  ///< the repository's .gitignore excludes it
};

/// "commit", "keep" or "ignore".
std::string_view to_string(PlannedAction action);

struct PlannedFile {
  std::string path;
  std::uint64_t size_bytes = 0;
  std::string sha256;
  PlannedAction action = PlannedAction::kCommit;
};

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
