#include "weightlift/cli/command_tree.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstddef>
#include <sstream>
#include <string_view>
#include <utility>

#include "weightlift/base/nearest.h"

namespace weightlift {

namespace {

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

/// The checked choices of a type as CLI11 names it: "TEXT:{keep,none}".
std::vector<std::string> choices_in(const std::string& type) {
  const std::size_t begin = type.find(":{");
  if (begin == std::string::npos) return {};
  std::istringstream words(type.substr(begin + 2, type.find('}', begin) - begin - 2));
  std::vector<std::string> choices;
  for (std::string word; std::getline(words, word, ',');) choices.push_back(word);
  return choices;
}

/// What a value is by its word. Arguments use these words alike in all commands.
ValueKind kind_of(std::string_view word) {
  using Kind = std::pair<std::string_view, ValueKind>;
  for (const auto& [known, kind] :
       {Kind{"FILE", ValueKind::kFile}, Kind{"DIR", ValueKind::kFolder},
        Kind{"FOLDER", ValueKind::kFolder}, Kind{"IMAGE", ValueKind::kFile},
        Kind{"IMAGES", ValueKind::kFile}, Kind{"SOURCE", ValueKind::kSource},
        Kind{"WHICH", ValueKind::kSource}, Kind{"A", ValueKind::kSource},
        Kind{"B", ValueKind::kSource}, Kind{"GLOB", ValueKind::kModel}}) {
    if (word == known) return kind;
  }
  return ValueKind::kText;
}

OptionEntry entry_of(const CLI::Option& option, const CLI::App& app) {
  const std::string type = option.get_type_name();
  OptionEntry entry = {{}, value_word(option)};
  entry.description = option.get_description();
  entry.group = option.get_group();
  entry.default_value = option.get_default_str();
  entry.required = option.get_required();
  entry.repeatable = option.get_expected_max() > 1;
  entry.choices = choices_in(type);
  if (option.get_positional()) {
    entry.names = {option.get_name(true)};
    entry.value = entry.names.front();
    if (entry.value == "COMMAND") entry.choices = command_names(app);
  } else {
    for (const std::string& name : option.get_snames()) entry.names.push_back("-" + name);
    for (const std::string& name : option.get_lnames()) entry.names.push_back("--" + name);
  }
  if (type.empty()) return entry;
  entry.kind = entry.choices.empty() ? kind_of(entry.value) : ValueKind::kChoice;
  // The GLOB of an option is one of files.
  if (entry.kind == ValueKind::kModel && !option.get_positional()) entry.kind = ValueKind::kText;
  return entry;
}

CommandEntry entry_of(const CLI::App& command, const CLI::App& app) {
  CommandEntry entry = {&command == &app ? "" : command.get_name(), command.get_description()};
  for (const CLI::Option* option : command.get_options()) {
    if (&command != &app && option == command.get_help_ptr()) continue;
    (option->get_positional() ? entry.arguments : entry.options).push_back(entry_of(*option, app));
  }
  std::istringstream footer(command.get_footer());
  std::string line;
  std::getline(footer, line);  // "Examples:"
  while (std::getline(footer, line)) entry.examples.push_back(line.substr(2));
  return entry;
}

}  // namespace

CommandTree command_tree(const CLI::App& app) {
  CommandTree tree = {entry_of(app, app)};
  for (const CLI::App* command : app.get_subcommands({})) {
    tree.commands.push_back(entry_of(*command, app));
  }
  return tree;
}

std::string value_word(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  if (type.empty() || option.get_positional()) return "";
  if (kind_of(type) != ValueKind::kText) return type;
  if (const std::size_t check = type.find(':'); check != std::string::npos) {
    return type.substr(check + 1);
  }
  std::string word = option.get_lnames().front();
  std::ranges::transform(word, word.begin(), [](char c) {
    return c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return word;
}

const CLI::App& find_command(const CLI::App& app, const std::string& name) {
  for (const CLI::App* command : app.get_subcommands({})) {
    if (command->get_name() == name) return *command;
  }
  throw unknown_command(app, name);
}

UsageError unknown_command(const CLI::App& app, const std::string& word) {
  Hints hints = did_you_mean(nearest(word, command_names(app), 1));
  if (hints.empty()) hints = advice("see weightlift --help");
  return {"", fmt::format("unknown command '{}'", printable(word)), std::move(hints)};
}

}  // namespace weightlift
