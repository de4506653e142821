#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "weightlift/base/json.h"
#include "weightlift/base/posix.h"
#include "weightlift/cli/commands.h"
#include "weightlift/cli/progress.h"
#include "weightlift/hub/hub_client.h"
#include "weightlift/models/registry.h"

namespace weightlift {

namespace {

struct PullFlags {
  std::string repo, local_dir;
  bool json = false;
};

int run_pull(const PullFlags& flags) {
  catch_signals();
  const auto cfg = find_pretrained(flags.repo);  // no repository has a name of timm's registry
  const RepoRevision from = RepoRevision::parse(cfg ? repository_of(*cfg) : flags.repo);
  HttpClient http(read_hub_settings(), check_signals);
  Snapshot snapshot;
  {
    TerminalProgress progress("");
    HubClient client(http, progress);
    if (flags.local_dir.empty()) {
      snapshot = client.snapshot_download(from);
    } else {
      snapshot.folder = flags.local_dir;
      snapshot.commit = client.download_to_folder(from, snapshot.folder);
    }
  }
  if (flags.json) {
    const nlohmann::ordered_json json = {{"repo_id", from.repo.string()},
                                         {"revision", from.revision},
                                         {"commit", snapshot.commit},
                                         {"folder", snapshot.folder.string()}};
    fmt::print("{}\n", dump_json_line(json));
  } else {
    fmt::print("{}\n", shown(snapshot.folder));
  }
  return 0;
}

}  // namespace

Action add_pull(CLI::App& app) {
  auto* command = app.add_subcommand("pull", "Download a repository into the Hub's cache");
  auto flags = std::make_shared<PullFlags>();
  command
      ->add_option("REPO", flags->repo,
                   "Repository: OWNER/NAME or OWNER/NAME@REVISION, or a name of timm")
      ->required();
  command->add_option("--local-dir", flags->local_dir, "Put the files here, not into the cache");
  command->add_flag("--json", flags->json, "One JSON object instead of the folder");
  return [flags] { return run_pull(*flags); };
}

}  // namespace weightlift
