#include "weightlift/job/conversions.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "weightlift/base/file.h"
#include "weightlift/base/temp_folder.h"
#include "weightlift/base/text.h"
#include "weightlift/convert/folder_record.h"
#include "weightlift/convert/source_name.h"
#include "weightlift/convert/verify.h"
#include "weightlift/job/fetch.h"
#include "weightlift/job/job_progress.h"
#include "weightlift/job/license.h"
#include "weightlift/job/publisher.h"
#include "weightlift/jobs.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

/// One source on its way.
struct ConversionJob {
  ConversionRequest request;  ///< its Repository of labels and image processor become Files
  SourceName name;
  std::exception_ptr refusal;  ///< why the source cannot be used; thrown at its turn
  std::string repo_id;         ///< to publish to; empty: not published
};

/// The name of the folder that a job would create.
std::string name_of(const ConversionJob& job) {
  return planned_folder(job.request, job.name.last_part).filename();
}

/// Refuses a request that contradicts itself or its source, before anything is done for it.
void require_consistent(const ConversionJob& job) {
  const ConversionRequest& request = job.request;
  if (request.hints.as && job.name.kind != SourceName::Kind::kPath) {
    throw UsageError("as", fmt::format("expected a lone weights file, got the name {}",
                                       printable(job.name.given)));
  }
  if (request.dtype && !is_floating(*request.dtype)) {
    throw UsageError("dtype",
                     fmt::format("expected a floating dtype, got {}", torch_name(*request.dtype)));
  }
  require_valid(request.verify_options);
  if (request.verify) return;
  if (request.publish) throw UsageError("verify", "only a verified model can be published");
  if (!request.images.empty()) {
    throw UsageError("images", "comparing on images needs the verification");
  }
}

ConversionJob make_job(const ConversionRequest& request) {
  ConversionJob job{request, {}, {}, {}};
  try {
    job.name = parse_source_name(request.source);
    require_consistent(job);
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

/// Chooses the repository of each folder before the first download, so that a bad token fails
/// early.
void choose_repositories(std::vector<ConversionJob>& jobs, Publisher& publisher) {
  for (ConversionJob& job : jobs) {
    const auto& publish = job.request.publish;
    if (!publish || job.refusal) continue;
    // A dry run makes no request for what is local.
    job.repo_id = job.request.dry_run ? publisher.plan(*publish, name_of(job))
                                      : publisher.choose(*publish, name_of(job));
    // The new files would replace the source on its own branch.
    if (publish->repo_id.empty() && job.repo_id == id_of_repository(job.name.repository)) {
      throw UsageError(job.request.source, "publishing would replace the source's own repository",
                       {{HintCode::kChooseRepository, {job.repo_id}}});
    }
  }
}

std::vector<ConversionJob> make_jobs(std::span<const ConversionRequest> requests, Fetcher& fetcher,
                                     Publisher& publisher) {
  std::vector<ConversionJob> jobs;
  for (const ConversionRequest& request : requests) jobs.push_back(make_job(request));
  require_distinct_folders(jobs);
  choose_repositories(jobs, publisher);
  for (ConversionJob& job : jobs) {
    if (job.refusal) continue;
    job.request.id2label = fetcher.fetch_labels(job.request.id2label);
    job.request.image_processor = fetcher.fetch_processor(job.request.image_processor);
  }
  return jobs;
}

/// The checks that need only the names: before a download.
void require_convertible(const ConversionJob& job) {
  if (job.refusal) std::rethrow_exception(job.refusal);
  const ConversionRequest& request = job.request;
  // A folder that is up to date need not be writable.
  const bool may_stay =
      request.if_changed && has_record(planned_folder(request, job.name.last_part));
  if (!may_stay) require_destination(request, job.name.last_part);
  if (!request.publish) return;
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
  DownloadPlan download = fetcher.list_source(job.name);
  result.fetch = std::move(download.files);
  result.fetch_bytes = download.size_bytes;
  return result;
}

/// The local source; nothing for a dry run of one that is not local.
std::optional<FetchedSource> fetch(const ConversionJob& job, Fetcher& fetcher) {
  if (job.request.dry_run) return fetcher.find_source(job.name);
  return fetcher.fetch_source(job.name, NetworkNeed::kSupported);
}

/// What the sources of one call share.
struct Session {
  Session(ProgressSink& sink, const HubSettings* hub)
      : progress(sink), fetcher(progress, hub), publisher(fetcher, progress) {}

  JobProgress progress;
  Fetcher fetcher;
  Publisher publisher;
  std::set<fs::path> tidied;  ///< output folders without the leftovers of dead processes
};

/// Removes what dead processes left in an output folder, and notes what others may have left.
void tidy(const fs::path& output, Session& session) {
  if (!session.tidied.insert(output).second) return;
  const std::vector<std::string> others = remove_stale_folders(output);
  if (others.empty()) return;
  session.progress.note({NoteCode::kTemporaryFoldersFound,
                         shown(output),
                         {{"names", printable(first_of(others), 400)}}});
}

/// Fetches and converts. A dry run only plans.
Conversion convert_source(const ConversionJob& job, Session& session) {
  const std::optional<FetchedSource> here = fetch(job, session.fetcher);
  if (!here) return plan_download(job, session.fetcher);
  ConversionRequest request = job.request;
  if (!request.hints.as && request.hints.config.empty()) request.hints.as = here->as;
  if (!request.dry_run) tidy(request.output, session);
  Conversion result = convert_local(request, here->local, session.progress);
  result.noncommercial_license = license_of(job, here->local.path, result.provenance);
  return result;
}

/// One source from its name to its repository. Fills `result` step by step, also before a failure.
void run_job(const ConversionJob& job, Session& session,
             const std::function<void(const Conversion&)>& converted,
             std::optional<Conversion>& result) {
  require_convertible(job);
  result = convert_source(job, session);
  result->repository = job.name.repository;
  result->repo_id = job.repo_id;
  converted(*result);
  if (!job.request.publish || !(result->written || result->unchanged)) return;
  result->published = session.publisher.publish(result->folder, job.repo_id, *job.request.publish,
                                                result->noncommercial_license);
}

/// What became of the work on one source. work(result) fills the result step by step.
template <class Work>
ConversionRecord record_work(Session& session, ProgressSink& sink, const Work& work) {
  ConversionRecord record;
  const auto began = std::chrono::steady_clock::now();
  session.progress.change_sink(sink);
  try {
    run_job_work([&] { work(record.result); });
  } catch (const std::exception& error) {
    record.error = to_error(error);
  }
  record.notes = session.progress.notes();
  if (record.result && (record.result->already || record.result->unchanged)) {
    // whose notes no sink received
    const Notes& notes = record.result->notes;
    record.notes.insert(record.notes.end(), notes.begin(), notes.end());
  }
  record.time = std::chrono::steady_clock::now() - began;
  return record;
}

}  // namespace

ConversionResult convert(const ConversionRequest& request, ProgressSink& progress,
                         const HubSettings* hub) {
  return run_job_work([&] {
    Session session(progress, hub);
    const std::vector<ConversionJob> jobs =
        make_jobs({&request, 1}, session.fetcher, session.publisher);
    std::optional<Conversion> result;
    run_job(
        jobs.front(), session, [](const Conversion& /*result*/) {}, result);
    return std::move(*result);
  });
}

void convert_all(std::span<const ConversionRequest> requests, ProgressSink& shared,
                 ConversionObserver& observer) {
  Session session(shared, nullptr);
  const std::vector<ConversionJob> jobs =
      run_job_work([&] { return make_jobs(requests, session.fetcher, session.publisher); });
  bool stopped = false;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    ConversionRecord record;
    if (stopped) {
      record.skipped = true;
      observer.end(i, record);
      continue;
    }
    const auto converted = [&](const Conversion& result) { observer.converted(i, result); };
    record = record_work(session, observer.begin(i), [&](std::optional<Conversion>& result) {
      run_job(jobs[i], session, converted, result);
    });
    stopped = record.error && record.error->kind() == ErrorKind::kInterrupted;
    observer.end(i, record);
  }
}

struct Converter::State {
  Session session{no_progress(), nullptr};
};

Converter::Converter() : state_(std::make_unique<State>()) {}

Converter::~Converter() = default;

ConversionRecord Converter::run(const ConversionRequest& request, ProgressSink& progress) {
  Session& session = state_->session;
  return record_work(session, progress, [&](std::optional<Conversion>& result) {
    const std::vector<ConversionJob> jobs =
        make_jobs({&request, 1}, session.fetcher, session.publisher);
    run_job(
        jobs.front(), session, [](const Conversion& /*result*/) {}, result);
  });
}

std::optional<fs::path> planned_folder(const ConversionRequest& request) {
  try {
    return planned_folder(request, parse_source_name(request.source).last_part);
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace weightlift
