#include "weightlift/convert/convert.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "weightlift/base/error.h"
#include "weightlift/base/file.h"
#include "weightlift/base/json.h"
#include "weightlift/cli/commands.h"
#include "weightlift/cli/convert_flags.h"
#include "weightlift/cli/convert_job.h"
#include "weightlift/cli/convert_json.h"
#include "weightlift/cli/exit_code.h"
#include "weightlift/cli/fetch.h"
#include "weightlift/cli/json_output.h"
#include "weightlift/cli/log.h"
#include "weightlift/cli/progress.h"
#include "weightlift/cli/results.h"
#include "weightlift/convert/report.h"
#include "weightlift/hub/account.h"

namespace weightlift {

namespace {

/// Parses names and plans folders before anything is fetched or written.
std::vector<ConvertJob> make_jobs(const ConvertFlags& flags) {
  std::vector<ConvertJob> jobs;
  std::map<std::filesystem::path, std::string> taken;
  const std::size_t count = flags.sources.size();
  for (const std::string& source : flags.sources) {
    ConvertJob job;
    job.name.given = source;
    job.request = flags.request;
    job.request.source = source;
    if (count > 1) job.turn = {jobs.size() + 1, count, source};
    try {
      job.name = parse_source_name(source);
    } catch (const Error&) {
      job.refusal = std::current_exception();
      jobs.push_back(std::move(job));
      continue;
    }
    if (job.name.kind != SourceName::Kind::kPath) job.request.source_name = job.name.last_part;
    const std::filesystem::path folder = planned_folder(job.request);
    const auto [place, fresh] = taken.emplace(folder, source);
    if (!fresh) {
      throw UsageError(fmt::format("{} and {}", place->second, source),
                       fmt::format("both would become the folder {}", folder.string()),
                       advice("convert them one by one with --name"));
    }
    jobs.push_back(std::move(job));
  }
  return jobs;
}

/// Chooses the repository of each folder before the first download, so that a bad token fails
/// early.
void choose_repos(const ConvertFlags& flags, Fetcher& fetcher, std::vector<ConvertJob>& jobs) {
  if (!flags.settings.push) return;
  require_token(fetcher.http().settings());
  if (flags.request.dry_run) return;  // makes no request for what is local
  const PublishFlags& publish = flags.settings.publish;
  require_revision(publish.revision);
  const Account account = whoami(fetcher.http());
  for (ConvertJob& job : jobs) {
    const std::string name = planned_folder(job.request).filename().string();
    job.repo = choose_repo(publish, name, account);
    // The new files would replace the source on its own branch.
    if (publish.repo_id.empty() && job.repo->string() == id_of_repository(job.name.repository)) {
      throw UsageError(
          job.name.given, "publishing would replace the source's own repository",
          advice(fmt::format("choose another with --repo-id or --name, or replace it with "
                             "--repo-id {}",
                             job.repo->string())));
    }
  }
}

/// Files that all sources share.
void fetch_shared_files(const ConvertFlags& flags, Fetcher& fetcher,
                        std::vector<ConvertJob>& jobs) {
  TerminalProgress progress;
  const FetchedFile labels = fetcher.fetch_labels(flags.request.id2label, progress);
  const FetchedFile processor = fetcher.fetch_processor(flags.request.image_processor, progress);
  for (ConvertJob& job : jobs) {
    job.request.id2label = labels.path;
    job.request.id2label_from = labels.from;
    job.request.image_processor = processor.path;
    job.request.image_processor_from = processor.from;
  }
}

/// Checks the place of the report, which is written last: its folder exists, and no source or
/// result contains it.
void require_report_place(const ConvertFlags& flags, const std::vector<ConvertJob>& jobs) {
  if (flags.report.empty() || flags.report == "-") return;
  namespace fs = std::filesystem;
  std::error_code error;
  const std::string where = fmt::format("--report {}", printable(flags.report, 400));
  const fs::path report = fs::weakly_canonical(fs::absolute(flags.report), error);
  if (error || !fs::is_directory(report.parent_path(), error) ||
      access(report.parent_path().c_str(), W_OK) != 0) {
    throw IoError(where, "its folder does not exist or cannot be written");
  }
  if (fs::exists(report, error) && !fs::is_regular_file(report, error)) {
    throw IoError(where, "already exists, and is not a regular file");
  }
  for (const ConvertJob& job : jobs) {
    const bool local = job.name.kind == SourceName::Kind::kPath;
    for (const fs::path& taken :
         {local ? fs::path(job.name.given) : fs::path(), planned_folder(job.request)}) {
      if (!taken.empty() && is_within(report, taken)) {
        throw IoError(where, fmt::format("would change {}", printable(taken.native(), 400)));
      }
    }
  }
}

/// The work of one command: its jobs in order, and their results.
class Conversions {
 public:
  explicit Conversions(const ConvertFlags& flags) : flags_(flags) {}

  void run(ConvertJob& job, Fetcher& fetcher) {
    if (stopped_) {
      add(skipped_json(job, flags_), nullptr);
      return;
    }
    JobRecord record;
    try {
      run_convert_job(job, flags_.settings, fetcher, record);
    } catch (const Error& error) {
      fail(job, record, error, exit_code(error));
      return;
    } catch (const std::exception& error) {
      fail(job, record, to_error(error), exit_code(error));
      return;
    }
    if (record.difference) code_ = worse(code_, static_cast<int>(ExitCode::kDifferent));
    if (record.difference) {
      ++failed_;
    } else if (record.result && record.result->written) {
      ++converted_;
    }
    add(job, record, nullptr);
  }

  /// Writes the report and the last line. Returns the exit code.
  int finish() {
    if (flags_.sources.size() > 1) {
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began_;
      log_note(fmt::format("{} converted, {} failed{} in {:.1f} s", converted_, failed_,
                           skipped() == 0 ? "" : fmt::format(", {} skipped", skipped()),
                           took.count()));
    }
    if (flags_.report.empty()) return code_;
    const std::string report = fmt::format("[\n{}\n]\n", fmt::join(report_, ",\n"));
    if (flags_.report == "-") {
      put_text(report);
    } else {
      write_atomically(flags_.report, report);
    }
    return code_;
  }

 private:
  std::size_t skipped() const { return flags_.sources.size() - converted_ - failed_; }

  void fail(const ConvertJob& job, const JobRecord& record, const Error& error, int code) {
    log_error(error);
    code_ = worse(code_, code);
    stopped_ = error.kind() == ErrorKind::kInterrupted;
    ++failed_;
    add(job, record, &error);
  }

  void add(const ConvertJob& job, const JobRecord& record, const Error* error) {
    add(to_json(job, flags_, record, error), record.result ? &record.result->transfer : nullptr);
  }

  void add(nlohmann::ordered_json json, const TransferReport* transfer) {
    if (flags_.settings.json) print_json(json);
    flush_results();
    if (flags_.report.empty()) return;
    if (transfer != nullptr) json["operations"] = operations_json(*transfer);
    report_.push_back(dump_python_json(json));
  }

  const ConvertFlags& flags_;
  std::vector<std::string> report_;
  std::size_t converted_ = 0, failed_ = 0;
  int code_ = 0;
  bool stopped_ = false;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

int run_convert(ConvertFlags flags) {
  read_words(flags);
  catch_signals();
  Fetcher fetcher;
  std::vector<ConvertJob> jobs = make_jobs(flags);
  require_report_place(flags, jobs);
  choose_repos(flags, fetcher, jobs);
  fetch_shared_files(flags, fetcher, jobs);
  Conversions conversions(flags);
  for (ConvertJob& job : jobs) conversions.run(job, fetcher);
  return conversions.finish();
}

}  // namespace

Action add_convert(CLI::App& app) {
  auto* command = app.add_subcommand(
      "convert", "Convert timm checkpoints into transformers folders, and verify them");
  auto flags = std::make_shared<ConvertFlags>();
  add_convert_options(*command, *flags);
  return [flags] {
    // A failure before the first job concerns all of them; one source is named.
    const std::string source = flags->sources.size() == 1 ? flags->sources.front() : "";
    return run_reporting({"convert", source, flags->settings.json},
                         [&] { return run_convert(*flags); });
  };
}

}  // namespace weightlift
