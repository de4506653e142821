#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "weightlift/base/error.h"
#include "weightlift/cli/commands.h"
#include "weightlift/cli/folder_check.h"
#include "weightlift/cli/help.h"
#include "weightlift/cli/json_output.h"
#include "weightlift/cli/log.h"
#include "weightlift/cli/print.h"
#include "weightlift/cli/progress.h"
#include "weightlift/cli/publish.h"
#include "weightlift/cli/publish_files.h"
#include "weightlift/cli/results.h"
#include "weightlift/hub/account.h"
#include "weightlift/hub/settings.h"
#include "weightlift/hub/upload_plan.h"

namespace weightlift {

namespace {

struct PushFlags {
  std::string folder;
  std::string repo;  ///< the argument; --repo-id is another way to say it
  PublishFlags publish;
  FileChoice files;
  bool dry_run = false, json = false;
  Subject subject() const { return {"push", folder, json}; }
};

std::string_view word_for(PlannedAction action) {
  if (action == PlannedAction::kKeep) return "  (unchanged)";
  return action == PlannedAction::kIgnore ? "  (in .gitignore)" : "";
}

/// "would create the repository and commit 4 files, 0 unchanged"
std::string describe(const UploadPlan& plan) {
  const auto keeps = std::ranges::count(plan.files, PlannedAction::kKeep, &PlannedFile::action);
  const auto commits = std::ranges::count(plan.files, PlannedAction::kCommit, &PlannedFile::action);
  if (commits == 0) return fmt::format("nothing would change: {} files unchanged", keeps);
  const std::string_view first = plan.creates_repository ? "create the repository and "
                                 : plan.creates_branch   ? "create the branch and "
                                                         : "";
  return fmt::format("would {}commit {} files, {} unchanged", first, commits, keeps);
}

nlohmann::ordered_json to_json(const UploadPlan& plan) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const PlannedFile& file : plan.files) {
    list.push_back({{"path", file.path},
                    {"size", file.size_bytes},
                    {"sha256", file.sha256},
                    {"action", to_string(file.action)}});
  }
  return list;
}

/// Checks what a push checks, and writes nothing.
int dry_run(const PushFlags& flags, const ModelFiles& files, const std::string& checked,
            const RepoId& repo, const Account& account, HttpClient& http) {
  TerminalProgress progress;
  const UploadPlan plan =
      plan_publication({flags.folder, files, repo, flags.publish}, account, http, progress);
  progress.clear();
  if (flags.json) {
    auto json = begin_json(flags.subject(), "skipped");
    json["dry_run"] = true;
    json["repo_id"] = repo.string();
    json["revision"] = flags.publish.revision;
    json["account"] = account.name;
    json["creates_repository"] = plan.creates_repository;
    json["creates_branch"] = plan.creates_branch;
    json["checked"] = checked;
    const std::string license = find_noncommercial_license(flags.folder);
    if (!license.empty()) json["noncommercial_license"] = license;
    json["files"] = to_json(plan);
    json["training_state"] = files.training_state;
    json["notes"] = to_json(progress.notes());
    print_json(json);
    return 0;
  }
  put("{} -> {}, {} (dry run)\n  {}\n  as {}: {}\n", printable(flags.folder, 400), repo.string(),
      printable(flags.publish.revision), printable(checked, 400), printable(account.name),
      describe(plan));
  for (const PlannedFile& file : plan.files) {
    put("  {}  {:>9}  {}{}\n", file.sha256, readable_bytes(file.size_bytes),
        printable(file.path, 400), word_for(file.action));
  }
  return 0;
}

void take_repo(PushFlags& flags) {
  if (flags.repo.empty()) return;
  if (!flags.publish.repo_id.empty() && flags.publish.repo_id != flags.repo) {
    throw UsageError("--repo-id", "names another repository than the argument REPO");
  }
  flags.publish.repo_id = flags.repo;
}

int run_push(PushFlags flags) {
  catch_signals();
  take_repo(flags);
  const ModelFiles files = list_model_files(flags.folder, flags.files);
  require_inside(flags.folder, files.paths);
  require_inside(flags.folder, files.linked_folders);
  const std::string checked = check_model_folder(flags.folder, files.of_model);
  if (files.paths.empty()) {
    throw UsageError(shown(flags.folder), "no file matches --include and --exclude");
  }
  HttpClient http(read_hub_settings(), check_signals);
  const std::string name = name_of_folder(flags.folder);
  name_repo(flags.publish, name);  // refuses a bad name before a request
  const Account account = whoami(http);
  const RepoId repo = choose_repo(flags.publish, name, account);
  if (flags.dry_run) return dry_run(flags, files, checked, repo, account, http);
  log_note(fmt::format("{}: {}", printable(flags.folder, 400), checked));
  TerminalProgress progress;
  const CommitInfo info =
      publish_folder({flags.folder, files, repo, flags.publish}, http, progress);
  if (!info.nothing_changed) record_complete("the commit to " + repo.string());
  progress.clear();
  if (flags.json) {
    auto json = begin_json(flags.subject(), info.nothing_changed ? "already" : "ok");
    json["checked"] = checked;
    json["published"] = to_json(repo, info);
    json["training_state"] = files.training_state;
    json["notes"] = to_json(progress.notes());
    print_json(json);
  } else {
    put("{} -> {}\n", printable(flags.folder, 400), repo.string());
    put_text(describe(info));
  }
  return 0;
}

void add_file_flags(CLI::App& command, FileChoice& files) {
  command
      .add_option("--include", files.filter.include,
                  "Publish only files that match, such as \"*.json\" or onnx/; repeatable")
      ->type_name("GLOB")
      ->allow_extra_args(false);
  command.add_option("--exclude", files.filter.exclude, "Skip files that match; repeatable")
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
  add_file_flags(*command, flags->files);
  add_publish_flags(*command, flags->publish);
  command->add_flag("--dry-run", flags->dry_run,
                    "Check everything and show what would be published; write nothing");
  command->add_flag("--json", flags->json, "One JSON object on one line");
  add_examples(*command, {"weightlift push out/digits me/digits --dry-run",
                          "weightlift push out/digits me/digits --private",
                          "weightlift push out/digits me/digits --exclude 'runs/*'"});
  return [flags] { return run_reporting(flags->subject(), [&] { return run_push(*flags); }); };
}

}  // namespace weightlift
