#include "weightlift/cli/convert_job.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "weightlift/base/error.h"
#include "weightlift/base/json.h"
#include "weightlift/cli/convert_result.h"
#include "weightlift/cli/log.h"
#include "weightlift/cli/print.h"
#include "weightlift/cli/progress.h"

namespace weightlift {

namespace {

/// Nobody is asked whose token it is.
void print_planned_push(const ConvertJob& job, const JobSettings& settings) {
  const std::string repo =
      name_repo(settings.publish, planned_folder(job.request).filename().string());
  if (settings.json) {
    fmt::print("{}\n", dump_json_line({{"repo_id", repo}, {"dry_run", true}}));
  } else {
    fmt::print("  would publish to {}{}\n", repo,
               repo.find('/') == std::string::npos ? " of the token's account" : "");
  }
}

/// A dry run of what is not here: fetching it all only to look at it would be much.
void print_remote(const ConvertJob& job, const std::vector<RepoFile>& files, bool json) {
  const std::string folder = planned_folder(job.request).string();
  std::uint64_t bytes = 0;
  std::vector<std::string> names;
  for (const RepoFile& file : files) {
    bytes += file.size_bytes;
    names.push_back(file.path);
  }
  if (json) {
    fmt::print("{}\n", dump_json_line({{"source", job.name.given},
                                       {"repository", job.name.repository},
                                       {"fetch", names},
                                       {"bytes", bytes},
                                       {"folder", folder},
                                       {"written", false}}));
    return;
  }
  fmt::print("{} -> {}\n  would fetch from {}: {} ({})\n", printable(job.name.given, 400),
             printable(folder, 400), printable(job.name.repository), fmt::join(names, ", "),
             readable_bytes(bytes));
  if (job.name.cfg) {
    const std::string_view license = job.name.cfg->license;
    fmt::print("  licence: {}\n", license.empty() ? "not known" : license);
  }
  fmt::print("  what else would be done is known once it is here: weightlift pull {}\n",
             printable(job.name.repository));
}

/// The source is here after this; nothing for a dry run of one that is not.
std::optional<FetchedSource> fetch(const ConvertJob& job, bool json, Fetcher& fetcher,
                                   ProgressSink& progress) {
  if (!job.request.dry_run) return fetcher.fetch_source(job.name, Network::kPlain, progress);
  std::optional<FetchedSource> found = fetcher.find_source(job.name, progress);
  if (!found) print_remote(job, fetcher.list_source(job.name, progress), json);
  return found;
}

/// The licence that forbids commercial use, whoever knows of it: a flag for the card does not lift
/// it.
std::string license_of(const ConvertJob& job, const Provenance& from) {
  const std::string registered = job.name.cfg ? std::string(job.name.cfg->license) : "";
  for (const std::string& license : {registered, from.claimed_license}) {
    if (is_noncommercial(license)) return license;
  }
  return from.license;
}

/// A verified folder, in one commit.
void publish(const ConvertJob& job, const JobSettings& settings, const ConversionResult& result,
             Fetcher& fetcher) {
  const PublishRequest request = {result.folder, list_model_files(result.folder), *job.repo,
                                  settings.publish, license_of(job, result.provenance)};
  CommitInfo info;
  try {
    TerminalProgress progress("");
    info = publish_folder(request, fetcher.http(), progress);
  } catch (const Error&) {
    log_warning(fmt::format("{}: verified, but not published; when the cause is mended: {}",
                            printable(result.folder.string(), 400),
                            push_command(result.folder, *job.repo, settings.publish)));
    throw;
  }
  if (settings.json) {
    fmt::print("{}\n", to_json_line(*job.repo, info));
  } else {
    fmt::print("{} -> {}\n{}", printable(result.folder.string(), 400), job.repo->string(),
               describe(info));
  }
}

}  // namespace

int run_convert_job(ConvertJob& job, const JobSettings& settings, Fetcher& fetcher,
                    std::vector<std::string>& reports) {
  if (job.refusal) std::rethrow_exception(job.refusal);
  ConversionRequest& request = job.request;
  // Before a download: what the name alone decides.
  require_destination(request);
  if (request.hints.as && job.name.kind != SourceName::Kind::kPath) {
    throw UsageError(fmt::format("--as: expected a lone weights file, got the name {}",
                                 printable(job.name.given)));
  }
  ConversionResult result;
  {
    TerminalProgress progress(settings.several ? job.name.given : "");
    std::optional<FetchedSource> here = fetch(job, settings.json, fetcher, progress);
    if (!here) {
      if (settings.push) print_planned_push(job, settings);
      return 0;
    }
    request.source = here->path;
    request.origin = here->origin;
    if (here->as && !request.hints.as) request.hints.as = here->as;
    result = convert(request, progress);
  }
  for (const TransferredOperation& operation : result.transfer.operations) {
    log_detail(fmt::format("{} -> {}  {}", operation.src, operation.dest, operation.op));
  }
  reports.push_back(to_report_json(result));
  if (settings.json) {
    fmt::print("{}\n", to_result_json(result));
  } else {
    print_result(job.name.given, request, result);
  }
  if (settings.push && request.dry_run) print_planned_push(job, settings);
  const bool different = result.verification && !is_verified(result);
  if (job.repo && result.written) {
    flush_results();
    publish(job, settings, result, fetcher);
  }
  flush_results();
  return static_cast<int>(different ? ExitCode::kDifferent : ExitCode::kOk);
}

}  // namespace weightlift
