#include "weightlift/convert/convert.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <exception>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "weightlift/base/error.h"
#include "weightlift/base/file.h"
#include "weightlift/base/json.h"
#include "weightlift/cli/commands.h"
#include "weightlift/cli/convert_job.h"
#include "weightlift/cli/fetch.h"
#include "weightlift/cli/log.h"
#include "weightlift/cli/print.h"
#include "weightlift/cli/progress.h"
#include "weightlift/cli/publish.h"

namespace weightlift {

namespace {

// What convert_resnet_to_pytorch.py converts where no name is given.
constexpr std::array<const char*, 6> kTheSix = {"resnet18", "resnet26",  "resnet34",
                                                "resnet50", "resnet101", "resnet152"};

struct ConvertFlags {
  ConversionRequest request;
  JobSettings settings;
  std::vector<std::string> sources;
  std::string model_name;  // the old script's --model_name
  std::string as, head = "keep", dtype = "keep", to = "transformers", weights_format;
  std::string report;
  bool all = false, no_verify = false;
};

/// One object for one source, a list for several, whether they were converted or not.
void write_report(const ConvertFlags& flags, const std::vector<std::string>& reports) {
  if (flags.report.empty()) return;
  const bool one = flags.sources.size() == 1 && reports.size() == 1;
  write_atomically(flags.report,
                   one ? reports.front() : fmt::format("[\n{}]\n", fmt::join(reports, ",\n")));
}

/// All names are told apart, and all folders named, before anything is fetched or written.
std::vector<ConvertJob> make_jobs(const ConvertFlags& flags) {
  std::vector<ConvertJob> jobs;
  std::map<std::filesystem::path, std::string> taken;
  for (const std::string& source : flags.sources) {
    ConvertJob job;
    job.name.given = source;
    job.request = flags.request;
    try {
      job.name = parse_source_name(source);
    } catch (const Error&) {
      job.refusal = std::current_exception();
    }
    job.request.source = source;
    if (job.refusal) {
      jobs.push_back(std::move(job));
      continue;
    }
    if (job.name.kind != SourceName::Kind::kPath) job.request.source_name = job.name.last_part;
    const std::filesystem::path folder = planned_folder(job.request);
    const auto [place, fresh] = taken.emplace(folder, source);
    if (!fresh) {
      throw MismatchError(
          fmt::format("{} and {}: expected each source to become a folder of its own, got {} for "
                      "both; convert them "
                      "one by one with --name",
                      place->second, source, folder.string()));
    }
    jobs.push_back(std::move(job));
  }
  return jobs;
}

/// Where each folder goes, asked before there is one: a bad token should not cost a download.
void choose_repos(ConvertFlags& flags, Fetcher& fetcher, std::vector<ConvertJob>& jobs) {
  if (!flags.settings.push || flags.request.dry_run) return;
  PublishFlags& publish = flags.settings.publish;
  require_revision(publish.revision);
  const std::string account = whoami(fetcher.http());
  const bool owned = publish.repo_id.find('/') != std::string::npos;
  if (!owned && publish.organization.empty()) publish.organization = account;
  for (ConvertJob& job : jobs) {
    const std::string name = planned_folder(job.request).filename().string();
    job.repo = choose_repo(publish, name, fetcher.http());
    // The source would be gone from its own branch.
    if (publish.repo_id.empty() && job.repo->string() == id_of_repository(job.name.repository)) {
      throw UsageError(
          fmt::format("{}: expected another repository to publish to than the source's own; "
                      "--repo-id or --name gives one, or --repo-id {} replaces it",
                      job.name.given, job.repo->string()));
    }
  }
}

/// Files that all sources share.
void fetch_shared_files(const ConvertFlags& flags, Fetcher& fetcher,
                        std::vector<ConvertJob>& jobs) {
  TerminalProgress progress("");
  const FetchedFile labels = fetcher.fetch_labels(flags.request.id2label, progress);
  const FetchedFile processor = fetcher.fetch_processor(flags.request.image_processor, progress);
  for (ConvertJob& job : jobs) {
    job.request.id2label = labels.path;
    job.request.id2label_from = labels.from;
    job.request.image_processor = processor.path;
    job.request.image_processor_from = processor.from;
  }
}

void refuse_contradictions(const ConvertFlags& flags) {
  if (flags.settings.push && flags.to == "torchvision") {
    throw UsageError(
        "--push-to-hub: expected a model's folder, got --to torchvision, a state dict alone");
  }
  for (const std::string& source : flags.sources) {
    // The old script took its value as a word of its own, which would be a SOURCE here.
    if (flags.settings.push && (source == "True" || source == "False")) {
      throw UsageError(
          fmt::format("--push_to_hub {0}: expected the value behind '=', got a word "
                      "of its own; --push_to_hub={0}",
                      source));
    }
  }
  if (!flags.request.hints.head_key.empty() && flags.head == "none") {
    throw UsageError("--head-key: expected --head keep, got --head none");
  }
  if (flags.no_verify && !flags.request.images.empty()) {
    throw UsageError("--image: expected a conversion that is verified, got --no-verify");
  }
  const std::size_t count = flags.sources.size();
  if (!flags.request.name.empty() && count > 1) {
    throw UsageError(fmt::format("--name: expected one SOURCE, got {}", count));
  }
  if (!flags.settings.publish.repo_id.empty() && count > 1) {
    throw UsageError(fmt::format("--repo-id: expected one SOURCE, got {}", count));
  }
  if (!flags.settings.push && flags.settings.publish != PublishFlags()) {
    throw UsageError(
        "expected --push-to-hub beside flags that say how to publish (--repo-id, --private, ...), "
        "got none");
  }
  if (flags.settings.push && flags.no_verify) {
    throw UsageError(
        "--push-to-hub: expected a verified folder, got --no-verify; nothing is published that was "
        "not verified");
  }
}

/// A report is written last, into a place that is looked at first: a folder that is there, a file
/// of no source and no result.
void require_report_place(const ConvertFlags& flags, const std::vector<ConvertJob>& jobs) {
  if (flags.report.empty()) return;
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path report = fs::weakly_canonical(fs::absolute(flags.report), error);
  if (error || !fs::is_directory(report.parent_path(), error) ||
      access(report.parent_path().c_str(), W_OK) != 0) {
    throw IoError(fmt::format("--report {}: expected a file in a folder that can be written to",
                              printable(flags.report, 400)));
  }
  if (fs::exists(report, error) && !fs::is_regular_file(report, error)) {
    throw IoError(fmt::format("--report {}: expected a file's name, got that of something else",
                              printable(flags.report, 400)));
  }
  for (const ConvertJob& job : jobs) {
    const bool here = job.name.kind == SourceName::Kind::kPath;
    for (const fs::path& taken :
         {here ? fs::path(job.name.given) : fs::path(), planned_folder(job.request)}) {
      if (!taken.empty() && is_within(report, taken)) {
        throw IoError(fmt::format("--report {}: expected a place outside {}, which it would change",
                                  printable(flags.report, 400), printable(taken.native(), 400)));
      }
    }
  }
}

/// Runs `action`, which returns an exit code; a failure of it is said, and is no reason not to go
/// on with the next one. `source`: what a line of JSON says that it was about, empty for none.
int attempt(const std::function<int()>& action, const std::string& source = "") {
  try {
    return action();
  } catch (const Interrupted&) {
    throw;
  } catch (const Error& error) {
    log_error(error.what());
    if (!source.empty()) {
      fmt::print("{}\n", dump_json_line({{"source", source},
                                         {"error", error.what()},
                                         {"exit_code", exit_code(error)}}));
    }
    return exit_code(error);
  }
}

/// What the flags' words mean to the library.
void read_words(ConvertFlags& flags) {
  if (!flags.model_name.empty()) flags.sources.push_back(flags.model_name);
  if (flags.all && !flags.sources.empty()) {
    throw UsageError("--all: expected no SOURCE beside it, got one");
  }
  if (flags.sources.empty()) flags.sources.assign(kTheSix.begin(), kTheSix.end());
  flags.settings.several = flags.sources.size() > 1;
  ConversionRequest& request = flags.request;
  if (!flags.as.empty()) request.hints.as = flags.as;
  request.verify = !flags.no_verify;
  request.head = flags.head == "none" ? Head::kNone : Head::kKeep;
  const std::map<std::string, Form> forms = {{"transformers", Form::kTransformers},
                                             {"timm", Form::kTimm},
                                             {"torchvision", Form::kTorchvision}};
  request.to = forms.at(flags.to);
  if (!flags.weights_format.empty()) {
    request.weights_format =
        flags.weights_format == "bin" ? WeightsFormat::kBin : WeightsFormat::kSafetensors;
  }
  const std::map<std::string, DType> dtypes = {
      {"float32", DType::F32}, {"float16", DType::F16}, {"bfloat16", DType::BF16}};
  if (flags.dtype != "keep") request.dtype = dtypes.at(flags.dtype);
}

int run_convert(ConvertFlags flags) {
  read_words(flags);
  refuse_contradictions(flags);
  catch_signals();
  Fetcher fetcher;
  std::vector<ConvertJob> jobs = make_jobs(flags);
  require_report_place(flags, jobs);
  choose_repos(flags, fetcher, jobs);
  fetch_shared_files(flags, fetcher, jobs);
  int exit = 0;
  std::vector<std::string> reports;
  for (ConvertJob& job : jobs) {
    const int code = attempt([&] { return run_convert_job(job, flags.settings, fetcher, reports); },
                             flags.settings.json ? job.name.given : "");
    if (exit == 0) exit = code;
  }
  const int code = attempt([&] {
    write_report(flags, reports);
    return 0;
  });
  return exit == 0 ? code : exit;
}

void add_old_flags(CLI::App& command, ConvertFlags& flags) {
  command
      .add_flag("--push-to-hub,--push_to_hub", flags.settings.push,
                "Publish what was verified, in one commit")
      ->group("Publishing");
  command.add_option("--model_name", flags.model_name, "The old script's spelling of SOURCE");
}

}  // namespace

Action add_convert(CLI::App& app) {
  auto* command =
      app.add_subcommand("convert", "Convert checkpoints of timm into transformers folders");
  auto flags = std::make_shared<ConvertFlags>();
  ConversionRequest& request = flags->request;
  command->add_option("SOURCE", flags->sources,
                      "Folders or weights files of timm, its names (resnet50.tv_in1k), or "
                      "repositories (OWNER/NAME[@REVISION]); none: resnet18, 26, 34, 50, 101, 152");
  command
      ->add_option("-o,--output,--pytorch_dump_folder_path", request.output,
                   "Parent folder, made if missing")
      ->required();
  command->add_flag("--all", flags->all, "resnet18, 26, 34, 50, 101 and 152, as without SOURCE");
  command->add_option("--name", request.name, "Folder name, for one SOURCE");
  command->add_option("--as", flags->as, "What a lone weights file is (resnet50.tv_in1k)");
  add_network_options(*command, request.hints);
  command->add_flag("--force", request.force, "Replace an existing folder, in one step");
  command->add_flag("--dry-run", request.dry_run, "Say what would be done; write nothing");
  command->add_option("--id2label", request.id2label,
                      "Labels: imagenet-1k, a file (JSON object, JSON array, or lines), or "
                      "hf://datasets/OWNER/NAME/FILE");
  command
      ->add_option(
          "--image-processor", request.image_processor,
          "source, source-test, convnext-base-224-22k-1k, a name of timm's "
          "(resnet50.a1_in1k), a preprocessor_config.json, a folder of transformers or timm, "
          "or a repository that has one (OWNER/NAME)")
      ->capture_default_str();
  command->add_option("--head", flags->head, "keep, or none for a backbone (ResNetModel)")
      ->capture_default_str()
      ->check(CLI::IsMember({"keep", "none"}));
  command->add_option("--dtype", flags->dtype, "Of floating weights; counters stay int64")
      ->capture_default_str()
      ->check(CLI::IsMember({"keep", "float32", "float16", "bfloat16"}));
  command->add_option("--to", flags->to, "Whose form the folder has")
      ->capture_default_str()
      ->check(CLI::IsMember({"transformers", "timm", "torchvision"}));
  command
      ->add_option("--weights-format", flags->weights_format,
                   "Of the weights; bin is torch's (default: safetensors, for torchvision bin)")
      ->check(CLI::IsMember({"safetensors", "bin"}));
  command->add_option("--license", request.license, "Licence for the card, where you know it");
  command->add_option("--base-model", request.base_model, "base_model for the card");
  command->add_option("--dataset", request.datasets, "Dataset for the card (repeatable)")
      ->allow_extra_args(false);
  command
      ->add_option("--image", request.images,
                   "Picture to compare source and target on, too (repeatable)")
      ->allow_extra_args(false);
  command->add_flag("--no-verify", flags->no_verify, "Do not verify; the card says so");
  add_verify_options(*command, request.verify_options);
  command->add_option("--report", flags->report, "File for a JSON report of every operation");
  command->add_flag("--fsync", request.fsync, "Wait until the disk has everything");
  command->add_flag("--json", flags->settings.json, "One JSON object per source on one line");
  add_old_flags(*command, *flags);
  add_publish_flags(*command, flags->settings.publish);
  return [flags] { return run_convert(*flags); };
}

}  // namespace weightlift
