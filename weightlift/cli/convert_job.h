#pragma once

#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "weightlift/cli/fetch.h"
#include "weightlift/cli/publish.h"
#include "weightlift/convert/convert.h"
#include "weightlift/convert/source_name.h"

namespace weightlift {

/// One SOURCE of `convert`, what is made of it and where that is published.
struct ConvertJob {
  SourceName name;
  std::exception_ptr refusal;  ///< why the source is none; said when its turn comes
  ConversionRequest request;
  std::optional<RepoId> repo;  ///< to publish to
};

/// What all jobs of one command share.
struct JobSettings {
  PublishFlags publish;
  bool push = false;     ///< publish what was verified
  bool json = false;     ///< lines of JSON instead of text
  bool several = false;  ///< there is more than one job: notes name theirs
};

/// Fetches the source, converts it, prints what came of it, appends its report, and publishes what
/// was verified. A dry run only says so. Returns the exit code of a difference, else 0; throws what
/// fetching, converting and publishing throw.
int run_convert_job(ConvertJob& job, const JobSettings& settings, Fetcher& fetcher,
                    std::vector<std::string>& reports);

}  // namespace weightlift
