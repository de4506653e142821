#include "weightlift/convert/convert.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "weightlift/base/error.h"
#include "weightlift/base/file.h"
#include "weightlift/base/json.h"
#include "weightlift/cli/commands.h"
#include "weightlift/cli/log.h"
#include "weightlift/cli/print.h"
#include "weightlift/cli/progress.h"

namespace weightlift {

namespace {

struct ConvertFlags {
  ConversionRequest request;
  std::vector<std::string> sources;
  std::string model_name;  // the old script's --model_name
  std::string as, head = "keep", dtype = "keep", to = "transformers",
                  weights_format = "safetensors";
  std::string report;
  bool all = false, push = false, no_verify = false, json = false;
};

/// What a dry run says beside the rest: what is read, and what the card would state.
void print_claims(const ConversionResult& result) {
  const Provenance& from = result.provenance;
  fmt::print("  reads: {}\n", printable(result.source_file, 400));
  if (!from.license.empty()) {
    fmt::print("  licence: {}\n", printable(from.license));
  } else {
    fmt::print("  licence: not known{}\n",
               from.claimed_license.empty()
                   ? ""
                   : fmt::format(", the source claims {}", printable(from.claimed_license)));
  }
}

void print_result(const ConversionRequest& request, const ConversionResult& result) {
  const ResNetConfig& config = result.config;
  fmt::print("{} -> {}\n", printable(request.source, 400), printable(result.folder.string(), 400));
  fmt::print("  network: {} [{}], channels [{}], {} in, {} out, {} parameters, {}\n",
             to_string(config.layer_type), fmt::join(config.depths, ", "),
             fmt::join(config.hidden_sizes, ", "), config.num_channels,
             config.head == Head::kKeep ? fmt::format("{} classes", config.num_labels) : "features",
             with_commas(result.parameters), torch_name(config.dtype));
  fmt::print("  {}: {} operations with parameters, {} tensors\n",
             request.dry_run ? "would move" : "moved", result.transfer.operations.size(),
             result.transfer.tensor_count());
  fmt::print("  labels: {}\n", result.labels_from);
  if (request.dry_run) print_claims(result);
  if (result.verification) {
    fmt::print("{}", describe(*result.verification));
  } else {
    fmt::print("  not verified{}\n", request.dry_run ? " (dry run)" : "");
  }
  const std::string files = fmt::format("config.json, model.safetensors, {}README.md",
                                        result.processor ? "preprocessor_config.json, " : "");
  fmt::print("  {} {}\n",
             result.written    ? "wrote"
             : request.dry_run ? "would write"
                               : "NOT written:",
             files);
}

/// One object for one source, a list for several, whether they were converted or not.
void write_report(const ConvertFlags& flags, const std::vector<std::string>& reports) {
  if (flags.report.empty()) return;
  const bool one = flags.sources.size() == 1 && reports.size() == 1;
  write_atomically(flags.report,
                   one ? reports.front() : fmt::format("[\n{}]\n", fmt::join(reports, ",\n")));
}

int convert_one(const ConversionRequest& request, const ConvertFlags& flags,
                std::vector<std::string>& reports) {
  ConversionResult result;
  {
    TerminalProgress progress(flags.sources.size() > 1 ? request.source : "");
    result = convert(request, progress);
  }
  for (const TransferredOperation& operation : result.transfer.operations) {
    log_detail(fmt::format("{} -> {}  {}", operation.src, operation.dest, operation.op));
  }
  reports.push_back(to_report_json(result));
  if (flags.json) {
    fmt::print("{}\n", to_result_json(result));
  } else {
    print_result(request, result);
  }
  flush_results();
  const bool different = result.verification && !result.verification->verified();
  return static_cast<int>(different ? ExitCode::kDifferent : ExitCode::kOk);
}

std::vector<ConversionRequest> make_requests(const ConvertFlags& flags) {
  std::vector<ConversionRequest> requests;
  std::map<std::filesystem::path, std::string> taken;
  for (const std::string& source : flags.sources) {
    ConversionRequest request = flags.request;
    request.source = source;
    const std::filesystem::path folder = planned_folder(request);
    const auto [place, fresh] = taken.emplace(folder, source);
    if (!fresh) {
      throw MismatchError(
          fmt::format("{} and {}: expected each source to become a folder of its own, got {} for "
                      "both; convert them "
                      "one by one with --name",
                      place->second, source, folder.string()));
    }
    requests.push_back(std::move(request));
  }
  return requests;
}

void refuse_what_comes_later(const ConvertFlags& flags) {
  constexpr std::string_view kToday =
      "today local folders and weights files are converted into local folders";
  if (flags.push) {
    throw HubError(fmt::format("--push-to-hub: publishing is not there yet; {}", kToday));
  }
  if (flags.all || flags.sources.empty()) {
    throw HubError(
        fmt::format("the six by name: fetching from the Hub is not there yet; {}: weightlift "
                    "convert FOLDER -o DIR",
                    kToday));
  }
  if (flags.to != "transformers") {
    throw UsageError(
        fmt::format("--to {}: expected transformers, the only direction there is yet", flags.to));
  }
  if (flags.weights_format != "safetensors") {
    throw UsageError(
        fmt::format("--weights-format {}: expected safetensors, the only format written yet",
                    flags.weights_format));
  }
}

/// A report is written last, into a place that is looked at first: a folder that is there, a file
/// of no source and no result.
void require_report_place(const ConvertFlags& flags,
                          const std::vector<ConversionRequest>& requests) {
  if (flags.report.empty()) return;
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path report = fs::weakly_canonical(flags.report, error);
  if (error || !fs::is_directory(report.parent_path(), error) ||
      access(report.parent_path().c_str(), W_OK) != 0) {
    throw IoError(fmt::format("--report {}: expected a file in a folder that can be written to",
                              printable(flags.report, 400)));
  }
  if (fs::exists(report, error) && !fs::is_regular_file(report, error)) {
    throw IoError(fmt::format("--report {}: expected a file's name, got that of something else",
                              printable(flags.report, 400)));
  }
  for (const ConversionRequest& request : requests) {
    for (const fs::path& taken : {fs::path(request.source), planned_folder(request)}) {
      if (is_within(report, taken)) {
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

int run_convert(ConvertFlags flags) {
  if (!flags.model_name.empty()) flags.sources.push_back(flags.model_name);
  refuse_what_comes_later(flags);
  ConversionRequest& request = flags.request;
  if (!flags.as.empty()) request.as = flags.as;
  request.verify = !flags.no_verify;
  request.head = flags.head == "none" ? Head::kNone : Head::kKeep;
  const std::map<std::string, DType> dtypes = {
      {"float32", DType::F32}, {"float16", DType::F16}, {"bfloat16", DType::BF16}};
  if (flags.dtype != "keep") request.dtype = dtypes.at(flags.dtype);
  if (!request.name.empty() && flags.sources.size() > 1) {
    throw UsageError(fmt::format("--name: expected one SOURCE, got {}", flags.sources.size()));
  }
  catch_signals();
  const std::vector<ConversionRequest> requests = make_requests(flags);
  require_report_place(flags, requests);
  int exit = 0;
  std::vector<std::string> reports;
  for (const ConversionRequest& one : requests) {
    const int code =
        attempt([&] { return convert_one(one, flags, reports); }, flags.json ? one.source : "");
    if (exit == 0) exit = code;
  }
  const int code = attempt([&] {
    write_report(flags, reports);
    return 0;
  });
  return exit == 0 ? code : exit;
}

void add_old_flags(CLI::App& command, ConvertFlags& flags) {
  command.add_flag("--push-to-hub,--push_to_hub", flags.push,
                   "Publish after verification [not there yet]");
  command.add_option("--model_name", flags.model_name, "The old script's spelling of SOURCE");
}

}  // namespace

Action add_convert(CLI::App& app) {
  auto* command =
      app.add_subcommand("convert", "Convert checkpoints of timm into transformers folders");
  auto flags = std::make_shared<ConvertFlags>();
  ConversionRequest& request = flags->request;
  command->add_option("SOURCE", flags->sources, "Folders or weights files of timm");
  command
      ->add_option("-o,--output,--pytorch_dump_folder_path", request.output,
                   "Parent folder, made if missing")
      ->required();
  command->add_flag("--all", flags->all, "The six by name [not there yet]");
  command->add_option("--name", request.name, "Folder name, for one SOURCE");
  command->add_option("--as", flags->as, "What a lone weights file is (resnet50.tv_in1k)");
  command->add_flag("--force", request.force, "Replace an existing folder, in one step");
  command->add_flag("--dry-run", request.dry_run, "Say what would be done; write nothing");
  command->add_option("--id2label", request.id2label,
                      "Labels: imagenet-1k, or a file (JSON object, JSON array, or lines)");
  command
      ->add_option("--image-processor", request.image_processor,
                   "source, source-test, convnext-base-224-22k-1k, or a preprocessor_config.json")
      ->capture_default_str();
  command->add_option("--head", flags->head, "keep, or none for a backbone (ResNetModel)")
      ->capture_default_str()
      ->check(CLI::IsMember({"keep", "none"}));
  command->add_option("--dtype", flags->dtype, "Of floating weights; counters stay int64")
      ->capture_default_str()
      ->check(CLI::IsMember({"keep", "float32", "float16", "bfloat16"}));
  command->add_option("--to", flags->to, "Direction")
      ->capture_default_str()
      ->check(CLI::IsMember({"transformers", "timm", "torchvision"}));
  command->add_option("--weights-format", flags->weights_format, "Of the weights")
      ->capture_default_str()
      ->check(CLI::IsMember({"safetensors", "bin"}));
  command->add_option("--license", request.license, "Licence for the card, where you know it");
  command->add_option("--base-model", request.base_model, "base_model for the card");
  command->add_option("--dataset", request.datasets, "Dataset for the card (repeatable)")
      ->allow_extra_args(false);
  command->add_flag("--no-verify", flags->no_verify, "Do not verify; the card says so");
  add_verify_options(*command, request.verify_options);
  command->add_option("--report", flags->report, "File for a JSON report of every operation");
  command->add_flag("--fsync", request.fsync, "Wait until the disk has everything");
  command->add_flag("--json", flags->json, "One JSON object per source on one line");
  add_old_flags(*command, *flags);
  return [flags] { return run_convert(*flags); };
}

}  // namespace weightlift
