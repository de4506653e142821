#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <string>

#include "weightlift/cli/command_tree.h"
#include "weightlift/cli/commands.h"
#include "weightlift/cli/help.h"
#include "weightlift/cli/json_output.h"
#include "weightlift/cli/man_page.h"
#include "weightlift/cli/results.h"

namespace weightlift {

Action add_man(CLI::App& app) {
  auto* command = app.add_subcommand("man", "Print the man page of a command, as roff");
  auto topic = std::make_shared<std::string>();
  command->add_option("COMMAND", *topic, "Command to explain; default: the whole program");
  add_examples(*command, {"weightlift man", "weightlift man convert"});
  return [topic, &app] {
    return run_reporting({"man"}, false, [&] {
      if (!topic->empty()) find_command(app, *topic);
      const CommandTree tree = command_tree(app);
      const auto found = std::ranges::find(tree.commands, *topic, &CommandEntry::name);
      put_text(found == tree.commands.end() ? program_page(tree) : command_page(tree, *found));
      return 0;
    });
  };
}

}  // namespace weightlift
