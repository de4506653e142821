#pragma once

#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "weightlift/cli/fetch.h"
#include "weightlift/cli/progress.h"
#include "weightlift/cli/publish.h"
#include "weightlift/convert/convert.h"
#include "weightlift/convert/source_name.h"

namespace weightlift {

/// One SOURCE of `convert`, with its request and its repository.
struct ConvertJob {
  SourceName name;
  std::exception_ptr refusal;  ///< why the source cannot be used; thrown at its turn
  ConversionRequest request;
  std::optional<RepoId> repo;  ///< to publish to
  Turn turn;
};

/// What all jobs of one command share.
struct JobSettings {
  PublishFlags publish;
  bool push = false;  ///< publish each verified model
  bool json = false;  ///< print lines of JSON
  bool text = true;   ///< print results for people
};

/// The facts about a job, also where it did not finish.
struct JobRecord {
  std::optional<ConversionResult> result;
  std::optional<CommitInfo> published;
  std::optional<Error> difference;  ///< verification failed
  std::vector<std::string> fetch;   ///< files that a dry run would download
  Notes notes;
  std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();
};

/// Fetches the source, converts it, and publishes the verified folder. A dry run only plans. Fills
/// `record` step by step, also before a failure. Prints the result for people with settings.text.
/// Throws what fetching, converting and publishing throw.
void run_convert_job(ConvertJob& job, const JobSettings& settings, Fetcher& fetcher,
                     JobRecord& record);

}  // namespace weightlift
