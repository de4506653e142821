#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "weightlift/base/message.h"
#include "weightlift/cli/commands.h"
#include "weightlift/cli/help.h"
#include "weightlift/cli/json_output.h"
#include "weightlift/cli/log.h"
#include "weightlift/cli/print.h"
#include "weightlift/cli/progress.h"
#include "weightlift/cli/publish_flags.h"
#include "weightlift/cli/results.h"
#include "weightlift/jobs.h"
#include "weightlift/report/hub_json.h"

namespace weightlift {

namespace {

struct PushFlags {
  PushRequest request;
  std::string folder, repo;  ///< the arguments; --repo-id is another way to say the second
  bool json = false;
  Subject subject() const { return {"push", folder}; }
};

std::string_view word_for(const PlannedFile& file) {
  if (file.action == PlannedAction::kKeep) return "  (unchanged)";
  return file.action == PlannedAction::kIgnore ? "  (in .gitignore)" : "";
}

/// "would create the repository and commit 4 files, 0 unchanged"
std::string describe_plan(const PushResult& plan) {
  const auto keeps = std::ranges::count(plan.files, PlannedAction::kKeep, &PlannedFile::action);
  const auto commits = std::ranges::count(plan.files, PlannedAction::kCommit, &PlannedFile::action);
  if (commits == 0) return fmt::format("nothing would change: {} files unchanged", keeps);
  const std::string_view first = plan.creates_repository ? "create the repository and "
                                 : plan.creates_branch   ? "create the branch and "
                                                         : "";
  return fmt::format("would {}commit {} files, {} unchanged", first, commits, keeps);
}

void print_plan(const PushFlags& flags, const PushResult& plan) {
  put("{} -> {}, {} (dry run)\n  {}\n  as {}: {}\n", printable(flags.folder, 400), plan.repo_id,
      printable(flags.request.options.revision), printable(plan.checked, 400),
      printable(plan.account), describe_plan(plan));
  for (const PlannedFile& file : plan.files) {
    put("  {}  {:>9}  {}{}\n", file.sha256, readable_bytes(file.size_bytes),
        printable(file.path, 400), word_for(file));
  }
}

int run_push(PushFlags flags) {
  catch_signals();
  PublishOptions& options = flags.request.options;
  if (!flags.repo.empty() && !options.repo_id.empty() && options.repo_id != flags.repo) {
    throw UsageError("--repo-id", "names another repository than the argument REPO");
  }
  if (!flags.repo.empty()) options.repo_id = flags.repo;
  flags.request.folder = flags.folder;
  TerminalProgress progress;
  const PushResult result = push(flags.request, progress);
  const auto& published = result.published;
  if (published && !published->nothing_changed) record_complete("the commit to " + result.repo_id);
  progress.clear();
  if (published) log_note(fmt::format("{}: {}", printable(flags.folder, 400), result.checked));
  if (flags.json) {
    print_json(push_json(flags.subject(), options.revision, result, progress.notes()));
  } else if (published) {
    put("{} -> {}\n", printable(flags.folder, 400), result.repo_id);
    put_text(describe(*published));
  } else {
    print_plan(flags, result);
  }
  return 0;
}

void add_file_flags(CLI::App& command, PushRequest& files) {
  command
      .add_option("--include", files.include,
                  "Publish only files that match, such as \"*.json\" or onnx/; repeatable")
      ->type_name("GLOB")
      ->allow_extra_args(false);
  command.add_option("--exclude", files.exclude, "Skip files that match; repeatable")
      ->type_name("GLOB")
      ->allow_extra_args(false);
  command.add_flag("--all-files", files.training_state,
                   "Also publish training state, such as optimizer.pt");
}

}  // namespace

Action add_push(CLI::App& app) {
  auto* command = app.add_subcommand("push", "Check a model folder, and publish it in one commit");
  auto flags = std::make_shared<PushFlags>();
  command->add_option("FOLDER", flags->folder, "Model folder, transformers or timm")->required();
  command->add_option("REPO", flags->repo,
                      "Repository, OWNER/NAME; default: your own, with the folder's name");
  add_file_flags(*command, flags->request);
  add_publish_flags(*command, flags->request.options);
  command->add_flag("--dry-run", flags->request.dry_run,
                    "Check everything and show what would be published; write nothing");
  command->add_flag("--json", flags->json, "One JSON object on one line");
  add_examples(*command, {"weightlift push out/digits me/digits --dry-run",
                          "weightlift push out/digits me/digits --private",
                          "weightlift push out/digits me/digits --exclude 'runs/*'"});
  return [flags] {
    return run_reporting(flags->subject(), flags->json, [&] { return run_push(*flags); });
  };
}

}  // namespace weightlift
