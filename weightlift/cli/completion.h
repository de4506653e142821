#pragma once

#include <string>
#include <vector>

#include "weightlift/cli/command_tree.h"

namespace weightlift {

/// The commands and options, and timm's names to complete a SOURCE.
struct CompletionFacts {
  CommandTree tree;
  std::vector<std::string> models = {};
};

/// Each returns the completion script for one shell.
std::string bash_completion(const CompletionFacts& facts);
std::string zsh_completion(const CompletionFacts& facts);
std::string fish_completion(const CompletionFacts& facts);

}  // namespace weightlift
