#pragma once

#include <filesystem>
#include <string>

#include "weightlift/hub/cache.h"
#include "weightlift/hub/hub_client.h"
#include "weightlift/progress.h"

namespace weightlift {

/// The places from which a file of a repository can be fetched.
struct FileSource {
  std::string url;
  std::filesystem::path cached;  ///< its place in the cache, whether it exists or not
  std::string commit;
};

/// Whether a download into a folder keeps its own files there: .cache/huggingface and below. Some
/// repositories have such files, of another download.
bool is_own_metadata(const RepoFile& file);

/// Prepares a folder for files of a repository: creates .cache/huggingface for huggingface_hub's
/// metadata, which git and backup programs ignore. Throws IoError, NotFoundError or ExistsError.
void prepare_local_folder(const std::filesystem::path& folder);

/// Puts a real file from the cache or the Hub into the folder: writes a temporary file and renames
/// it. Keeps a file that is right. Writes metadata, so that huggingface_hub does not fetch it
/// again. Throws as download_file does, and HubUnreachable where it is not in the cache while
/// offline.
void place_file(HttpClient& http, const FileSource& from, const RepoFile& file,
                const std::filesystem::path& folder, ProgressSink& progress);

}  // namespace weightlift
