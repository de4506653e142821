#include "weightlift/hub/local_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <climits>
#include <string_view>

#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/hub/blob_download.h"

namespace weightlift {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kMetadataEnding = ".metadata";

fs::path metadata_folder(const fs::path& folder) { return folder / ".cache" / "huggingface"; }

/// Writes three lines: commit, ETag and time. huggingface_hub downloads files changed after that
/// time.
void write_metadata(const fs::path& path, const std::string& commit, const std::string& oid) {
  const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
  write_atomically(path, fmt::format("{}\n{}\n{:.6f}\n", commit, oid, now.count()));
}

void fetch(HttpClient& http, const FileSource& from, const RepoFile& file, const Destination& to,
           ProgressSink& progress) {
  if (copy_checked(from.cached, file, to, progress)) return;
  if (http.settings().offline) {
    throw HubUnreachable(
        shown(from.cached),
        fmt::format("missing or damaged (digest {}), and weightlift is offline", file.oid),
        advice(kOfflineAdvice));
  }
  download_file(http, from.url, file, to, progress);
}

}  // namespace

bool is_own_metadata(const RepoFile& file) {
  constexpr std::string_view kOwn = ".cache/huggingface";
  return file.path == kOwn || file.path.starts_with(std::string(kOwn) + "/");
}

void prepare_local_folder(const fs::path& folder) {
  const fs::path metadata = metadata_folder(folder);
  make_folders(metadata);
  write_cachedir_tag(metadata);
  if (!file_size_at(metadata / ".gitignore")) write_atomically(metadata / ".gitignore", "*");
}

void place_file(HttpClient& http, const FileSource& from, const RepoFile& file,
                const fs::path& folder, ProgressSink& progress) {
  require_repo_path(file.path);
  const fs::path target = folder / file.path;
  const fs::path metadata = metadata_folder(folder) / "download" / file.path;
  make_folders(metadata.parent_path());
  make_folders(target.parent_path());
  require_etag(file.oid);
  // Without metadata huggingface_hub checks the file again, which it also does for such a name.
  const bool has_room =
      file.path.size() - (file.path.rfind('/') + 1) + kMetadataEnding.size() <= NAME_MAX;
  const fs::path lock_file = has_room ? fs::path(metadata.string() + ".lock")
                                      : metadata.parent_path() / (file.oid + ".lock");
  const FileLock lock(lock_file, [&] { progress.check(); });
  if (!is_right(target, file, progress)) {
    const std::string ending =
        lock.is_held() ? ".incomplete" : "." + random_suffix() + ".incomplete";
    const Destination to{metadata.parent_path() / (file.oid + ending), target};
    require_space(folder, file.size_bytes -
                              std::min(file.size_bytes, file_size_at(to.incomplete).value_or(0)));
    fetch(http, from, file, to, progress);
  }
  if (has_room) {
    write_metadata(metadata.string() + std::string(kMetadataEnding), from.commit, file.oid);
  }
}

}  // namespace weightlift
