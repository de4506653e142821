#pragma once

#include <string>

#include "weightlift/cli/command_tree.h"

namespace weightlift {

/// weightlift(1), as roff with the macros of man(7).
std::string program_page(const CommandTree& tree);

/// weightlift-COMMAND(1).
std::string command_page(const CommandTree& tree, const CommandEntry& command);

}  // namespace weightlift
