#include "weightlift/job/conversions.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "weightlift/base/file.h"
#include "weightlift/convert/source_name.h"
#include "weightlift/hub/account.h"
#include "weightlift/job/fetch.h"
#include "weightlift/job/job_progress.h"
#include "weightlift/job/license.h"
#include "weightlift/job/publish.h"
#include "weightlift/jobs.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

/// One source on its way.
struct ConversionJob {
  ConversionRequest request;  ///< its Repository of labels and image processor become Files
  SourceName name;
  std::exception_ptr refusal;  ///< why the source cannot be used; thrown at its turn
  std::optional<RepoId> repo;  ///< to publish to
};

/// The name of the folder that a job would create.
std::string name_of(const ConversionJob& job) {
  return planned_folder(job.request, job.name.last_part).filename();
}

ConversionJob make_job(const ConversionRequest& request) {
  ConversionJob job{request, {}, {}, {}};
  try {
    job.name = parse_source_name(request.source);
  } catch (const Error&) {
    job.refusal = std::current_exception();
  }
  return job;
}

/// Throws UsageError where two sources would become one folder.
void require_distinct_folders(const std::vector<ConversionJob>& jobs) {
  std::map<fs::path, std::string> taken;
  for (const ConversionJob& job : jobs) {
    if (job.refusal) continue;
    const fs::path folder = planned_folder(job.request, job.name.last_part);
    const auto [place, fresh] = taken.emplace(folder, job.request.source);
    if (fresh) continue;
    throw UsageError(fmt::format("{} and {}", place->second, job.request.source),
                     fmt::format("both would become the folder {}", folder.string()),
                     {{HintCode::kNameEach, {}}});
  }
}

/// Chooses the repository of a folder before the first download.
void choose_repository(const Account& account, ConversionJob& job) {
  const PublishOptions& publish = *job.request.publish;
  require_revision(publish.revision);
  job.repo = choose_repo(publish, name_of(job), account);
  // The new files would replace the source on its own branch.
  if (publish.repo_id.empty() && job.repo->string() == id_of_repository(job.name.repository)) {
    throw UsageError(job.request.source, "publishing would replace the source's own repository",
                     {{HintCode::kChooseRepository, {job.repo->string()}}});
  }
}

/// A bad token fails before the first download.
void choose_repositories(std::vector<ConversionJob>& jobs, Fetcher& fetcher) {
  const auto publishes = [](const ConversionJob& job) { return job.request.publish.has_value(); };
  if (std::ranges::none_of(jobs, publishes)) return;
  require_token(fetcher.http().settings());
  std::optional<Account> account;
  for (ConversionJob& job : jobs) {
    // A dry run makes no request for what is local.
    if (!publishes(job) || job.request.dry_run) continue;
    if (!account) account = whoami(fetcher.http());
    choose_repository(*account, job);
  }
}

std::vector<ConversionJob> make_jobs(std::span<const ConversionRequest> requests,
                                     Fetcher& fetcher) {
  std::vector<ConversionJob> jobs;
  for (const ConversionRequest& request : requests) jobs.push_back(make_job(request));
  require_distinct_folders(jobs);
  choose_repositories(jobs, fetcher);
  for (ConversionJob& job : jobs) {
    job.request.id2label = fetcher.fetch_labels(job.request.id2label);
    job.request.image_processor = fetcher.fetch_processor(job.request.image_processor);
  }
  return jobs;
}

/// The checks that need only the names: before a download.
void require_convertible(const ConversionJob& job) {
  if (job.refusal) std::rethrow_exception(job.refusal);
  const ConversionRequest& request = job.request;
  require_destination(request, job.name.last_part);
  if (request.hints.as && job.name.kind != SourceName::Kind::kPath) {
    throw UsageError("as", fmt::format("expected a lone weights file, got the name {}",
                                       printable(job.name.given)));
  }
  if (!request.publish) return;
  if (!request.verify) throw UsageError("verify", "only a verified model can be published");
  for (const std::string& license :
       {request.license, std::string(job.name.cfg ? job.name.cfg->license : "")}) {
    require_accepted(license, *request.publish, job.name.given);
  }
}

/// The license that forbids commercial use, from the registry or the source: the request's license
/// does not change it. `path`: the local source.
std::string license_of(const ConversionJob& job, const std::string& path, const Provenance& from) {
  const std::string registered = job.name.cfg ? std::string(job.name.cfg->license) : "";
  std::error_code ignored;
  const std::string stated =
      fs::is_directory(path, ignored) ? find_noncommercial_license(path) : "";
  for (const std::string& license : {registered, from.claimed_license, stated, from.license}) {
    if (is_noncommercial(license)) return license;
  }
  return "";
}

/// A dry run of a source that is not local: a complete download only for a plan would cost too
/// much.
Conversion plan_download(const ConversionJob& job, Fetcher& fetcher) {
  Conversion result;
  result.folder = planned_folder(job.request, job.name.last_part);
  for (const RepoFile& file : fetcher.list_source(job.name)) {
    result.fetch_bytes += file.size_bytes;
    result.fetch.push_back(printable(file.path));
  }
  return result;
}

/// Fetches and converts. A dry run only plans.
Conversion convert_source(const ConversionJob& job, Fetcher& fetcher, ProgressSink& progress) {
  std::optional<FetchedSource> here;
  if (!job.request.dry_run) {
    here = fetcher.fetch_source(job.name, NetworkNeed::kSupported);
  } else {
    here = fetcher.find_source(job.name);
    if (!here) return plan_download(job, fetcher);
  }
  ConversionRequest request = job.request;
  if (!request.hints.as && request.hints.config.empty()) request.hints.as = here->as;
  Conversion result = convert_local(request, here->local, progress);
  result.noncommercial_license = license_of(job, here->local.path, result.provenance);
  return result;
}

/// One source from its name to its repository. Fills `result` step by step, also before a failure.
class Run {
 public:
  Run(Fetcher& fetcher, ProgressSink& progress) : fetcher_(fetcher), progress_(progress) {}

  template <class Converted>
  void operator()(const ConversionJob& job, std::optional<Conversion>& result,
                  const Converted& converted) {
    require_convertible(job);
    result = convert_source(job, fetcher_, progress_);
    result->repository = job.name.repository;
    const auto& publish = job.request.publish;
    if (publish)
      result->repo_id = job.repo ? job.repo->string() : name_repo(*publish, name_of(job));
    converted(*result);
    if (job.repo && result->written) result->published = publish_result(job, *result);
  }

 private:
  /// A verified folder, in one commit.
  Publication publish_result(const ConversionJob& job, const Conversion& result) {
    return publish_folder({result.folder, list_model_files(result.folder), *job.repo,
                           *job.request.publish, result.noncommercial_license},
                          fetcher_.http(), progress_);
  }

  Fetcher& fetcher_;
  ProgressSink& progress_;
};

}  // namespace

ConversionResult convert(const ConversionRequest& request, ProgressSink& progress) {
  JobProgress shared(progress);
  Fetcher fetcher(shared);
  const ConversionJob job = std::move(make_jobs({&request, 1}, fetcher).front());
  std::optional<Conversion> result;
  Run(fetcher, shared)(job, result, [](const Conversion& /*result*/) {});
  return std::move(*result);
}

void convert_all(std::span<const ConversionRequest> requests, ProgressSink& shared,
                 ConversionObserver& observer) {
  JobProgress progress(shared);
  Fetcher fetcher(progress);
  const std::vector<ConversionJob> jobs = make_jobs(requests, fetcher);
  bool stopped = false;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    ConversionRecord record;
    if (stopped) {
      record.skipped = true;
      observer.end(i, record);
      continue;
    }
    const auto began = std::chrono::steady_clock::now();
    progress.change_sink(observer.begin(i));
    try {
      Run(fetcher, progress)(jobs[i], record.result,
                             [&](const Conversion& result) { observer.converted(i, result); });
    } catch (const std::exception& error) {
      record.error = to_error(error);
      stopped = record.error->kind() == ErrorKind::kInterrupted;
    }
    record.notes = progress.notes();
    record.time = std::chrono::steady_clock::now() - began;
    observer.end(i, record);
  }
}

std::optional<fs::path> planned_folder(const ConversionRequest& request) {
  try {
    return planned_folder(request, parse_source_name(request.source).last_part);
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace weightlift
