#include <fmt/format.h>

#include <CLI/CLI.hpp>
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
#include "weightlift/export/model_folder.h"
#include "weightlift/hub/local_file.h"
#include "weightlift/hub/settings.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

struct PushFlags {
  std::string folder;
  std::string repo;  ///< the argument; --repo-id is another way to say it
  PublishFlags publish;
  bool dry_run = false, json = false;
  Subject subject() const { return {"push", folder, json}; }
};

struct PlannedFile {
  std::string path;
  std::uint64_t size_bytes;
  std::string sha256;
};

std::vector<PlannedFile> hash_files(const fs::path& folder, const ModelFiles& files,
                                    const fs::path& card, ProgressSink& progress) {
  std::vector<PlannedFile> planned;
  for (const std::string& path : files.paths) {
    const LocalFile file(path == kCardFile && !card.empty() ? card : folder / path);
    progress.step("hash " + path, file.size_bytes());
    planned.push_back({path, file.size_bytes(), file.sha256([&](std::uint64_t done) {
                         progress.check();
                         progress.advance(done);
                       })});
  }
  return planned;
}

/// Makes no request and sends nothing.
int dry_run(const PushFlags& flags, const ModelFiles& files, const std::string& checked) {
  const std::string repo = name_repo(flags.publish, name_of_folder(flags.folder));
  std::vector<PlannedFile> planned;
  {
    const PublishedCard card(flags.folder, RepoId::parse(repo), flags.publish);
    TerminalProgress progress;
    planned = hash_files(flags.folder, files, card.path(), progress);
  }
  if (flags.json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const PlannedFile& file : planned) {
      list.push_back({{"path", file.path}, {"size", file.size_bytes}, {"sha256", file.sha256}});
    }
    auto json = begin_json(flags.subject(), "skipped");
    json["dry_run"] = true;
    json["repo_id"] = repo;
    json["revision"] = flags.publish.revision;
    json["checked"] = checked;
    const std::string license = find_noncommercial_license(flags.folder);
    if (!license.empty()) json["noncommercial_license"] = license;
    json["files"] = std::move(list);
    print_json(json);
    return 0;
  }
  fmt::print("{} -> {}, {} (dry run)\n  {}\n", printable(flags.folder, 400), printable(repo),
             printable(flags.publish.revision), printable(checked, 400));
  for (const PlannedFile& file : planned) {
    fmt::print("  {}  {:>9}  {}\n", file.sha256, readable_bytes(file.size_bytes),
               printable(file.path, 400));
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
  const ModelFiles files = list_model_files(flags.folder);
  const std::string checked = check_model_folder(flags.folder, files.paths);
  if (flags.dry_run) return dry_run(flags, files, checked);
  log_note(fmt::format("{}: {}", printable(flags.folder, 400), checked));
  HttpClient http(read_hub_settings(), check_signals);
  const RepoId repo = choose_repo(flags.publish, name_of_folder(flags.folder), http);
  TerminalProgress progress;
  const CommitInfo info =
      publish_folder({flags.folder, files, repo, flags.publish}, http, progress);
  progress.clear();
  if (flags.json) {
    auto json = begin_json(flags.subject(), info.nothing_changed ? "already" : "ok");
    json["checked"] = checked;
    json["published"] = to_json(repo, info);
    json["notes"] = to_json(progress.notes());
    print_json(json);
  } else {
    fmt::print("{} -> {}\n{}", printable(flags.folder, 400), repo.string(), describe(info));
  }
  return 0;
}

}  // namespace

Action add_push(CLI::App& app) {
  auto* command = app.add_subcommand("push", "Check a model folder, and publish it in one commit");
  auto flags = std::make_shared<PushFlags>();
  command->add_option("FOLDER", flags->folder, "Model folder, transformers or timm")->required();
  command->add_option("REPO", flags->repo,
                      "Repository, OWNER/NAME; default: your own, with the folder's name");
  add_publish_flags(*command, flags->publish);
  command->add_flag("--dry-run", flags->dry_run, "Show what would be published; send nothing");
  command->add_flag("--json", flags->json, "One JSON object on one line");
  add_examples(*command, {"weightlift push out/digits --dry-run",
                          "weightlift push out/digits me/digits --private"});
  return [flags] { return run_reporting(flags->subject(), [&] { return run_push(*flags); }); };
}

}  // namespace weightlift
