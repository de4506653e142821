#include "weightlift/job/run_with_fetcher.h"
#include "weightlift/jobs.h"

namespace weightlift {

std::filesystem::path fetch_model(const std::string& name, ProgressSink& progress,
                                  const HubSettings* hub) {
  return run_with_fetcher(progress, hub, [&](Fetcher& fetcher, ProgressSink& /*shared*/) {
    return fetcher.fetch_model(name);
  });
}

}  // namespace weightlift
