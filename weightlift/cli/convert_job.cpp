#include "weightlift/cli/convert_job.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "weightlift/base/error.h"
#include "weightlift/cli/convert_result.h"
#include "weightlift/cli/log.h"
#include "weightlift/cli/print.h"
#include "weightlift/cli/results.h"

namespace weightlift {

namespace {

void print_planned_push(const ConvertJob& job, const JobSettings& settings) {
  // A dry run makes no request, so the token's account is unknown.
  const std::string repo =
      name_repo(settings.publish, planned_folder(job.request).filename().string());
  put("  would publish to {}{}\n", repo,
      repo.find('/') == std::string::npos ? " in the token's account" : "");
}

/// A dry run of a source that is not local: a complete download only for a plan would cost too
/// much.
void print_remote(const ConvertJob& job, const std::vector<std::string>& names,
                  std::uint64_t bytes) {
  put("{} -> {}\n  would fetch from {}: {} ({})\n", printable(job.name.given, 400),
      printable(planned_folder(job.request).string(), 400), printable(job.name.repository),
      fmt::format("{}", fmt::join(names, ", ")), readable_bytes(bytes));
  if (job.name.cfg) {
    const std::string_view license = job.name.cfg->license;
    put("  license: {}\n", license.empty() ? "unknown" : license);
  }
  put("  for the full plan, fetch it first: weightlift pull {}\n", printable(job.name.repository));
}

/// The source is local after this; nothing for a dry run of one that is not.
std::optional<FetchedSource> fetch(const ConvertJob& job, const JobSettings& settings,
                                   Fetcher& fetcher, JobRecord& record, ProgressSink& progress) {
  if (!job.request.dry_run)
    return fetcher.fetch_source(job.name, NetworkNeed::kSupported, progress);
  std::optional<FetchedSource> found = fetcher.find_source(job.name, progress);
  if (found) return found;
  std::uint64_t bytes = 0;
  for (const RepoFile& file : fetcher.list_source(job.name, progress)) {
    bytes += file.size_bytes;
    record.fetch.push_back(printable(file.path));
  }
  if (settings.text) print_remote(job, record.fetch, bytes);
  return {};
}

/// The license that forbids commercial use, from the registry or the source: --license does not
/// change it.
std::string license_of(const ConvertJob& job, const Provenance& from) {
  const std::string registered = job.name.cfg ? std::string(job.name.cfg->license) : "";
  std::error_code ignored;
  const bool folder = std::filesystem::is_directory(job.request.source, ignored);
  const std::string stated = folder ? find_noncommercial_license(job.request.source) : "";
  for (const std::string& license : {registered, from.claimed_license, stated}) {
    if (is_noncommercial(license)) return license;
  }
  return from.license;
}

/// A verified folder, in one commit.
CommitInfo publish(const ConvertJob& job, const JobSettings& settings,
                   const ConversionResult& result, Fetcher& fetcher, ProgressSink& progress) {
  const PublishRequest request = {result.folder, list_model_files(result.folder), *job.repo,
                                  settings.publish, license_of(job, result.provenance)};
  PublishFlags later = settings.publish;
  if (is_noncommercial(request.license)) later.accepted_license = request.license;
  try {
    return publish_folder(request, fetcher.http(), progress);
  } catch (const Error&) {
    log_warning(fmt::format("{}: verified, but not published; publish it later with: {}",
                            printable(result.folder.string(), 400),
                            push_command(result.folder, *job.repo, later)));
    throw;
  }
}

/// Why a folder was not written: its verification failed.
std::optional<Error> difference_of(const ConversionResult& result) {
  if (!result.verification || is_verified(result)) return {};
  return MismatchError(result.folder.string(), describe_difference(*result.verification));
}

void convert_and_publish(ConvertJob& job, const JobSettings& settings, Fetcher& fetcher,
                         JobRecord& record, TerminalProgress& progress) {
  ConversionRequest& request = job.request;
  const std::optional<FetchedSource> here = fetch(job, settings, fetcher, record, progress);
  if (!here) {
    if (settings.push && settings.text) print_planned_push(job, settings);
    return;
  }
  request.source = here->path;
  request.origin = here->origin;
  if (here->as && !request.hints.as && request.hints.config.empty()) request.hints.as = here->as;
  record.result = convert(request, progress);
  const ConversionResult& result = *record.result;
  record.difference = difference_of(result);
  progress.clear();
  for (const TransferredOperation& operation : result.transfer.operations) {
    log_detail(fmt::format("{} -> {}  {}", operation.src, operation.dest, operation.op));
  }
  if (result.written) record_complete(printable(result.folder.string(), 400));
  if (settings.text) {
    print_result(job, result);
    if (settings.push && request.dry_run) print_planned_push(job, settings);
  }
  if (!job.repo || !result.written) return;
  flush_results();
  record.published = publish(job, settings, result, fetcher, progress);
  record_complete("the commit to " + job.repo->string());
  progress.clear();
  if (settings.text) {
    put("{} -> {}\n", printable(result.folder.string(), 400), job.repo->string());
    put_text(describe(*record.published));
  }
}

}  // namespace

void run_convert_job(ConvertJob& job, const JobSettings& settings, Fetcher& fetcher,
                     JobRecord& record) {
  if (job.refusal) std::rethrow_exception(job.refusal);
  require_destination(job.request);  // checks that need only the name, before a download
  if (job.request.hints.as && job.name.kind != SourceName::Kind::kPath) {
    throw UsageError("--as", fmt::format("expected a lone weights file, got the name {}",
                                         printable(job.name.given)));
  }
  if (settings.push) {  // what is known before any work
    for (const std::string& license :
         {job.request.license, std::string(job.name.cfg ? job.name.cfg->license : "")}) {
      require_accepted(license, settings.publish, job.name.given);
    }
  }
  TerminalProgress progress(job.turn);
  try {
    convert_and_publish(job, settings, fetcher, record, progress);
  } catch (...) {
    record.notes = progress.notes();
    throw;
  }
  record.notes = progress.notes();
  if (record.result && record.result->already) {
    record.notes.insert(record.notes.end(), record.result->notes.begin(),
                        record.result->notes.end());
  }
  flush_results();
}

}  // namespace weightlift
