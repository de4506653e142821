#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "weightlift/base/message.h"
#include "weightlift/cli/commands.h"
#include "weightlift/cli/diff_result.h"
#include "weightlift/cli/exit_code.h"
#include "weightlift/cli/help.h"
#include "weightlift/cli/json_output.h"
#include "weightlift/cli/log.h"
#include "weightlift/cli/progress.h"
#include "weightlift/jobs.h"
#include "weightlift/report/diff_json.h"

namespace weightlift {

namespace {

struct DiffFlags {
  std::string a, b;
  std::vector<std::string> weights_keys;
  bool json = false;
  Subject subject() const { return {"diff", a}; }
};

/// Says why tensors are compared by other names than timm's.
void note_names(const std::string& given, const DiffSide& side) {
  if (side.not_convertible.empty()) return;
  log_note(fmt::format("{}: comparing by the names in the file: {}", given, side.not_convertible));
}

int run_diff(const DiffFlags& flags) {
  const auto& keys = flags.weights_keys;
  if (keys.size() > 2) {
    throw UsageError("--weights-key",
                     fmt::format("expected one (for A) or two (A, then B), got {}", keys.size()));
  }
  catch_signals();
  TerminalProgress progress;
  const DiffResult result =
      diff({flags.a, flags.b, keys.empty() ? "" : keys.front(), keys.size() < 2 ? "" : keys.back()},
           progress);
  progress.clear();
  note_names(flags.a, result.a);
  note_names(flags.b, result.b);
  if (flags.json) {
    print_json(diff_json(flags.subject(), flags.b, result));
  } else {
    print_diff(result.diff);
  }
  return static_cast<int>(result.diff.differences.empty() ? ExitCode::kOk : ExitCode::kDifferent);
}

}  // namespace

Action add_diff(CLI::App& app) {
  auto* command = app.add_subcommand(
      "diff", "Compare two checkpoints tensor by tensor, in any formats and namings");
  auto flags = std::make_shared<DiffFlags>();
  command->add_option("A", flags->a, "Folder, weights file, name or repository")->required();
  command->add_option("B", flags->b, "Checkpoint to compare with A")->required();
  command
      ->add_option("--weights-key", flags->weights_keys,
                   "Network to use from a file with several: once for A, twice for A and then B "
                   "('' for none)")
      ->allow_extra_args(false);
  command->add_flag("--json", flags->json, "One JSON object on one line");
  add_examples(*command, {"weightlift diff examples/digits out/digits",
                          "weightlift diff epoch_10.pth epoch_11.pth"});
  return [flags] {
    return run_reporting(flags->subject(), flags->json, [&] { return run_diff(*flags); });
  };
}

}  // namespace weightlift
