#include "weightlift/batch/batch.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "weightlift/base/cgroup.h"
#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/cli/batch_output.h"
#include "weightlift/cli/commands.h"
#include "weightlift/cli/convert_flags.h"
#include "weightlift/cli/convert_output.h"
#include "weightlift/cli/exit_code.h"
#include "weightlift/cli/help.h"
#include "weightlift/cli/json_output.h"
#include "weightlift/cli/log.h"
#include "weightlift/cli/results.h"
#include "weightlift/cli/signals.h"

namespace weightlift {

namespace {

struct BatchFlags : ConvertFlags {
  std::string manifest, list, name_template, shard, merge;
  std::optional<std::size_t> shards;
  int jobs = 1;
  std::uint64_t memory = 0;
  bool clean = false;

  /// What the command is about.
  std::string subject() const { return !merge.empty() ? merge : list.empty() ? manifest : list; }
};

void refuse_batch_contradictions(const BatchFlags& flags) {
  const bool merging = !flags.merge.empty();
  const int inputs = (flags.manifest.empty() ? 0 : 1) + (flags.list.empty() ? 0 : 1);
  const bool parts = !flags.shard.empty() || flags.shards || !flags.name_template.empty();
  if (merging && (inputs > 0 || !flags.request.output.empty() || parts)) {
    throw UsageError("--merge", "cannot be combined with options of a run");
  }
  if (flags.clean && !merging) throw UsageError("--clean", "needs --merge DIR");
  if (merging) return;
  if (inputs != 1) {
    throw UsageError("", "expected either MANIFEST or --from-file FILE",
                     advice("see weightlift batch --help"));
  }
  if (flags.request.output.empty()) throw UsageError("--output", "missing");
  if (flags.jobs < 1)
    throw UsageError("--jobs", fmt::format("expected 1 or more, got {}", flags.jobs));
  if (!flags.publish.repo_id.empty()) {
    throw UsageError("--repo-id",
                     "cannot be combined with several sources; use push_to_hub in the "
                     "manifest");
  }
  refuse_item_contradictions(flags);
}

/// Processes run at once; each has its part of the processors.
BatchRequest make_request(const BatchFlags& flags) {
  const ManifestKind kind = flags.list.empty() ? ManifestKind::kJsonLines : ManifestKind::kList;
  BatchRequest request;
  request.shard = choose_shard(flags.shard, flags.shards, environment_variable);
  request.manifest = read_manifest({flags.subject(), kind, flags.name_template, flags.to});
  const auto is_object = [](const BatchItem& item) { return item.text.starts_with('{'); };
  if (kind == ManifestKind::kJsonLines && std::ranges::none_of(request.manifest.items, is_object)) {
    throw UsageError(printable(flags.manifest, 400), "no line is a JSON object",
                     advice("use --from-file for a plain list of sources"));
  }
  to_request(flags);  // a missing file of labels concerns all lines
  request.jobs = flags.jobs;
  request.memory_bytes = flags.memory > 0 ? flags.memory : available_memory().value_or(0);
  request.defaults = flags;
  int& threads = request.defaults.request.verify_options.threads;
  if (threads == 0) threads = std::max(1, available_processors() / flags.jobs);
  return request;
}

int run_merge(const BatchFlags& flags) {
  constexpr std::chrono::hours kAge{24};
  const BatchSummary summary =
      merge_batch(flags.merge, flags.clean ? std::optional(kAge) : std::nullopt);
  print_summary(flags.merge, summary, flags.json);
  const auto error = failure_of(summary);
  if (!error) return 0;
  log_error(*error);
  return static_cast<int>(ExitCode::kBadInput);
}

int run_items(const BatchFlags& flags) {
  const BatchRequest request = make_request(flags);
  if (!request.shard.variable.empty()) {
    log_note(fmt::format("shard {}, from {}", to_string(request.shard), request.shard.variable));
  }
  catch_signals();
  const auto began = std::chrono::steady_clock::now();
  BatchOutput output(flags.subject(), count_items(request), flags.json);
  const BatchSummary summary =
      run_batch(request, {.check = check_signals,
                          .prepare_worker = catch_signals_again,
                          .exit_code = exit_code_of,
                          .done = [&](const BatchItem& item, const nlohmann::ordered_json& line,
                                      int code) { output.show(item, line, code); }});
  output.clear();
  if (flags.json) print_summary(flags.subject(), summary, true);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  const std::string warned =
      summary.warned == 0 ? "" : fmt::format(" ({} with warnings)", summary.warned);
  log_note(fmt::format("shard {}: {} converted{}, {} up to date, {} failed in {:.1f} s",
                       to_string(request.shard), summary.converted, warned, summary.already,
                       summary.failures.size(), took.count()));
  return output.code();
}

int run_batch_command(BatchFlags flags) {
  refuse_batch_contradictions(flags);
  return flags.merge.empty() ? run_items(flags) : run_merge(flags);
}

void add_batch_options(CLI::App& command, BatchFlags& flags) {
  command.add_option("MANIFEST", flags.manifest,
                     "JSON Lines: one object per line, with source and any option of convert by "
                     "its JSON name; - is stdin");
  const auto group = [](CLI::Option* option) { return option->group("Batch"); };
  group(command.add_option("--from-file", flags.list, "A plain list instead, one source per line"))
      ->type_name("FILE");
  group(command.add_option("-o,--output", flags.request.output,
                           "Parent folder of all models, created if missing"))
      ->type_name("DIR");
  group(command.add_option("--name-template", flags.name_template,
                           "Folder names from {parent}, {grandparent} and {stem} of the source"))
      ->type_name("TEXT");
  group(command.add_option(
            "--shard", flags.shard,
            "Shard I of N to convert, I from 0 (default: that of a Slurm job array or an "
            "Indexed Job, else all)"))
      ->type_name("I/N");
  group(command.add_option("--shards", flags.shards,
                           "Number of shards, for an Indexed Job of Kubernetes"))
      ->type_name("N");
  group(command.add_option("--jobs", flags.jobs, "Processes at once on this machine"))
      ->capture_default_str()
      ->type_name("N");
  group(command.add_option("--memory", flags.memory,
                           "Memory for all of them, such as 8G (default: what is free)"))
      ->transform(CLI::AsSizeValue(false).description(""))
      ->type_name("SIZE");
  group(command.add_option("--merge", flags.merge,
                           "Summarize the records of all shards in an output folder"))
      ->type_name("DIR");
  group(
      command.add_flag("--clean", flags.clean,
                       "With --merge, remove temporary folders of other machines after 24 hours"));
  group(
      command.add_flag("--json", flags.json, "One JSON object per item, and one for the summary"));
}

}  // namespace

Action add_batch(CLI::App& app) {
  auto* command = app.add_subcommand(
      "batch", "Convert the sources of a manifest, and skip those that did not change");
  auto flags = std::make_shared<BatchFlags>();
  flags->request.output.clear();
  flags->request.if_changed = true;
  flags->request.fsync = true;  // a record must not survive a power cut that its folder does not
  add_batch_options(*command, *flags);
  add_item_options(*command, *flags);
  add_examples(*command, {"weightlift batch examples/scale/manifest.jsonl -o models",
                          "weightlift batch --merge models --clean",
                          "weightlift batch examples/scale/manifest.jsonl -o models --shard 1/2"});
  return [flags] {
    return run_reporting({"batch", flags->subject()}, flags->json,
                         [&] { return run_batch_command(*flags); });
  };
}

}  // namespace weightlift
