#include "weightlift/cli/completion.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "weightlift/cli/commands.h"
#include "weightlift/cli/help.h"
#include "weightlift/cli/json_output.h"
#include "weightlift/cli/results.h"
#include "weightlift/models.h"

namespace weightlift {

Action add_completion(CLI::App& app) {
  auto* command = app.add_subcommand("completion", "Print the completion script for a shell");
  auto shell = std::make_shared<std::string>();
  command->add_option("SHELL", *shell, "Shell: bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  add_examples(*command, {"weightlift completion bash", "weightlift completion fish"});
  return [shell, &app] {
    return run_reporting({"completion"}, false, [&] {
      CompletionFacts facts = {command_tree(app)};
      for (const PretrainedCfg& model : pretrained_cfgs()) facts.models.push_back(full_name(model));
      put_text(*shell == "bash"  ? bash_completion(facts)
               : *shell == "zsh" ? zsh_completion(facts)
                                 : fish_completion(facts));
      return 0;
    });
  };
}

}  // namespace weightlift
