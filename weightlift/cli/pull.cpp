#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "weightlift/base/posix.h"
#include "weightlift/cli/commands.h"
#include "weightlift/cli/exit_code.h"
#include "weightlift/cli/help.h"
#include "weightlift/cli/json_output.h"
#include "weightlift/cli/progress.h"
#include "weightlift/cli/results.h"
#include "weightlift/jobs.h"
#include "weightlift/models/registry.h"
#include "weightlift/report/hub_json.h"

namespace weightlift {

namespace {

struct PullFlags {
  std::string repo, local_dir;
  bool json = false;
  Subject subject() const { return {"pull", repo}; }
};

int run_pull(const PullFlags& flags) {
  catch_signals();
  TerminalProgress progress;
  const PullResult result = pull(flags.repo, flags.local_dir, progress);
  record_complete(shown(result.folder));
  progress.clear();
  if (flags.json) {
    print_json(pull_json(flags.subject(), result, progress.notes()));
  } else {
    put("{}\n", shown(result.folder));
  }
  return 0;
}

}  // namespace

Action add_pull(CLI::App& app) {
  auto* command = app.add_subcommand("pull", "Download a repository into the Hub's cache");
  auto flags = std::make_shared<PullFlags>();
  command
      ->add_option("REPO", flags->repo,
                   "Repository, OWNER/NAME or OWNER/NAME@REVISION, or a timm name")
      ->required();
  command
      ->add_option("--local-dir", flags->local_dir,
                   "Put the files into this folder, not into the cache")
      ->type_name("DIR");
  command->add_flag("--json", flags->json, "One JSON object on one line");
  add_examples(*command,
               {fmt::format("weightlift pull {}", kExampleRepository),
                fmt::format("weightlift pull me/{0}@main --local-dir {0}", kExampleFolder)});
  return [flags] {
    return run_reporting(flags->subject(), flags->json, [&] { return run_pull(*flags); });
  };
}

}  // namespace weightlift
