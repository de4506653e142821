#pragma once

#include "weightlift/hub.h"
#include "weightlift/job/fetch.h"
#include "weightlift/job/job_progress.h"
#include "weightlift/progress.h"

namespace weightlift {

/// What work(fetcher, progress) returns: one job, with the sink and the settings of the Hub that
/// its caller gave. Throws as run_job_work.
template <class Work>
auto run_with_fetcher(ProgressSink& sink, const HubSettings* hub, const Work& work) {
  return run_job_work([&] {
    JobProgress progress(sink);
    Fetcher fetcher(progress, hub);
    return work(fetcher, progress);
  });
}

}  // namespace weightlift
