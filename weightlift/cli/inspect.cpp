#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "weightlift/cli/commands.h"
#include "weightlift/cli/help.h"
#include "weightlift/cli/inspect_result.h"
#include "weightlift/cli/json_output.h"
#include "weightlift/cli/progress.h"
#include "weightlift/cli/signals.h"
#include "weightlift/jobs.h"
#include "weightlift/report/inspection_json.h"

namespace weightlift {

namespace {

struct InspectFlags {
  std::string source, weights_key;
  bool json = false, hash = false;
  Subject subject() const { return {"inspect", source}; }
};

int run_inspect(const InspectFlags& flags) {
  catch_signals();
  TerminalProgress progress;
  const Inspection found = inspect({flags.source, flags.weights_key, flags.hash}, progress);
  progress.clear();
  if (flags.json) {
    print_json(inspection_json(flags.subject(), found));
  } else {
    print_inspection(found);
  }
  return 0;
}

}  // namespace

Action add_inspect(CLI::App& app) {
  auto* command =
      app.add_subcommand("inspect", "Show what a checkpoint contains, without reading its weights");
  auto flags = std::make_shared<InspectFlags>();
  command->add_option("SOURCE", flags->source, "Folder, weights file, name or repository")
      ->required();
  add_weights_key(*command, flags->weights_key);
  command->add_flag("--hash", flags->hash,
                    "Hash the whole file (SHA-256), and name the weights where they are known");
  command->add_flag("--json", flags->json, "One JSON object on one line");
  add_examples(*command, {"weightlift inspect examples/digits",
                          "weightlift inspect model_best.pth.tar --json"});
  return [flags] {
    return run_reporting(flags->subject(), flags->json, [&] { return run_inspect(*flags); });
  };
}

}  // namespace weightlift
