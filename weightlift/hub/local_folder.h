#pragma once

#include <filesystem>
#include <string>

#include "weightlift/base/progress.h"
#include "weightlift/hub/cache.h"
#include "weightlift/hub/hub_client.h"

namespace weightlift {

/// Where a file of a repository comes from.
struct FileSource {
  std::string url;
  std::filesystem::path cached;  ///< the same in the cache, if it is there
  std::string commit;
};

/// Makes a folder ready for files of a repository: huggingface_hub's bookkeeping lies in its
/// .cache/huggingface, and tells git and backup programs to leave it out.
void prepare_local_folder(const std::filesystem::path& folder);

/// Puts a file into the folder, as a real file, written beside and renamed: from the cache, or from
/// the Hub. Nothing is done where it is there and right. Leaves a note for huggingface_hub, so that
/// Python does not fetch it again.
void place_file(HttpClient& http, const FileSource& from, const RepoFile& file,
                const std::filesystem::path& folder, ProgressSink& progress);

}  // namespace weightlift
