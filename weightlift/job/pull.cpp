#include <utility>

#include "weightlift/hub/hub_client.h"
#include "weightlift/job/run_with_fetcher.h"
#include "weightlift/jobs.h"
#include "weightlift/models/registry.h"

namespace weightlift {

PullResult pull(const std::string& repository, const std::filesystem::path& local_dir,
                ProgressSink& progress, const HubSettings* hub) {
  return run_with_fetcher(progress, hub, [&](Fetcher& fetcher, ProgressSink& shared) {
    const auto cfg = find_pretrained(repository);  // no repository has a name of timm's registry
    const RepoRevision from = RepoRevision::parse(cfg ? repository_of(*cfg) : repository);
    HubClient client(fetcher.http(), shared);
    PullResult result{from.repo.string(), from.revision, {}, local_dir};
    if (local_dir.empty()) {
      Snapshot snapshot = client.snapshot_download(from);
      result.commit = std::move(snapshot.commit);
      result.folder = std::move(snapshot.folder);
    } else {
      result.commit = client.download_to_folder(from, local_dir);
    }
    return result;
  });
}

}  // namespace weightlift
