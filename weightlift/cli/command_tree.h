#pragma once

#include <string>
#include <vector>

#include "weightlift/base/message.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace weightlift {

/// What the value of an option, or an argument, is.
enum class ValueKind {
  kNone,    ///< a flag: no value
  kText,    ///< any text or number
  kChoice,  ///< one of `choices`
  kFile,
  kFolder,
  kSource,  ///< a file, a folder or a timm name
  kModel,   ///< a timm name
};

/// An option, or an argument, of a command.
struct OptionEntry {
  std::vector<std::string> names;  ///< "-o", "--output"; of an argument its word: "SOURCE"
  std::string value;               ///< the word for the value, as help texts show it: "DIR"
  ValueKind kind = ValueKind::kNone;
  std::vector<std::string> choices = {};
  std::string description = {}, group = {}, default_value = {};
  bool required = false, repeatable = false;
};

/// A command. The program's own options are those of an entry without a name.
struct CommandEntry {
  std::string name, description;
  std::vector<OptionEntry> options = {}, arguments = {};
  std::vector<std::string> examples = {};  ///< lines for a shell; long ones end in " \"
};

/// The program's commands and options, for completion scripts and man pages.
struct CommandTree {
  CommandEntry program;  ///< its options, --help among them, are valid with every command
  std::vector<CommandEntry> commands = {};
};

CommandTree command_tree(const CLI::App& app);

/// The word for an option's value: FILE, DIR or WHICH, the choices or limits that are checked, else
/// its name. Empty for a flag or an argument.
std::string value_word(const CLI::Option& option);

/// The command with this name. Throws UsageError where there is none.
const CLI::App& find_command(const CLI::App& app, const std::string& name);

/// The error of an unknown command, with the nearest spelling.
UsageError unknown_command(const CLI::App& app, const std::string& word);

}  // namespace weightlift
