#pragma once

#include <memory>
#include <string>
#include <vector>

namespace CLI {
class App;
class FormatterBase;
}  // namespace CLI

namespace weightlift {

/// Help texts that show an option's value by its name or its choices, in lines of 80 columns.
std::shared_ptr<CLI::FormatterBase> help_formatter();

/// Ends the command's help with these commands. The tests run them.
void add_examples(CLI::App& command, const std::vector<std::string>& examples);

}  // namespace weightlift
