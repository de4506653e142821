#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <string_view>
#include <vector>

#include "weightlift/base/text.h"
#include "weightlift/cli/completion.h"

namespace weightlift {

namespace {

// A file _weightlift in $fpath runs as the function itself; a script that is sourced registers it.
constexpr const char* kZshScript = R"script(#compdef weightlift
# Completes the commands and options of weightlift in zsh.

_weightlift_model() {
  local -a names
  names=(@MODELS@)
  _describe -t models 'timm model' names
}

_weightlift_source() {
  _alternative 'files:file:_files' 'models:timm model:_weightlift_model'
}

_weightlift() {
  local curcontext=$curcontext state line
  local -A opt_args
  local -a options commands specs
  options=(
@OPTIONS@  )
  commands=(
@COMMANDS@  )
  _arguments -C -S "$options[@]" '1:command:->command' '*::argument:->argument' && return
  case $state in
    command) _describe -t commands command commands ;;
    argument)
      curcontext=${curcontext%:*:*}:weightlift-$words[1]:
      case $words[1] in
@ARGUMENTS@      esac
      ;;
  esac
}

if [[ $funcstack[1] == _weightlift ]]; then
  _weightlift "$@"
else
  compdef _weightlift weightlift
fi
)script";

/// The text in a specification of _arguments, which gives these characters a meaning, inside '...'.
std::string zsh_text(std::string text) {
  for (const char* special : {"\\", "[", "]", ":"}) {
    replace_all(text, special, std::string("\\") + special);
  }
  replace_all(text, "'", "'\\''");
  return text;
}

std::string zsh_action(const OptionEntry& entry) {
  switch (entry.kind) {
    case ValueKind::kNone:
    case ValueKind::kText:
      return " ";
    case ValueKind::kChoice:
      return fmt::format("({})", fmt::join(entry.choices, " "));
    case ValueKind::kFile:
      return "_files";
    case ValueKind::kFolder:
      return "_files -/";
    case ValueKind::kSource:
      return "_weightlift_source";
    case ValueKind::kModel:
      return "_weightlift_model";
  }
  return " ";
}

/// One specification per name: "(-o --output)--output=[TEXT]:DIR:_files -/".
std::string zsh_option(const OptionEntry& option) {
  const std::string before =
      option.repeatable ? "*" : fmt::format("({})", fmt::join(option.names, " "));
  std::string lines;
  for (const std::string& name : option.names) {
    const bool has_value = option.kind != ValueKind::kNone;
    const char* attached = !has_value ? "" : name.starts_with("--") ? "=" : "+";
    lines += fmt::format("    '{}{}{}[{}]", before, name, attached, zsh_text(option.description));
    if (has_value) lines += fmt::format(":{}:{}", zsh_text(option.value), zsh_action(option));
    lines += "'\n";
  }
  return lines;
}

std::string zsh_argument(const OptionEntry& argument, int place) {
  const std::string number = argument.repeatable ? "*" : std::to_string(place);
  const char* optional = argument.required || argument.repeatable ? ":" : "::";
  return fmt::format("    '{}{}{}:{}'\n", number, optional, zsh_text(argument.value),
                     zsh_action(argument));
}

std::string zsh_options(const CommandEntry& command) {
  std::string lines;
  for (const OptionEntry& option : command.options) lines += zsh_option(option);
  return lines;
}

std::string zsh_branch(const CommandEntry& command) {
  std::string lines = zsh_options(command);
  int place = 0;
  for (const OptionEntry& argument : command.arguments) lines += zsh_argument(argument, ++place);
  return fmt::format(
      "        {})\n          specs=(\n{}          )\n"
      "          _arguments -S \"$options[@]\" \"$specs[@]\" ;;\n",
      command.name, lines);
}

}  // namespace

std::string zsh_completion(const CompletionFacts& facts) {
  std::string commands, branches;
  for (const CommandEntry& command : facts.tree.commands) {
    commands += fmt::format("    '{}:{}'\n", command.name, zsh_text(command.description));
    branches += zsh_branch(command);
  }
  std::string script = kZshScript;
  replace_all(script, "@OPTIONS@", zsh_options(facts.tree.program));
  replace_all(script, "@COMMANDS@", commands);
  replace_all(script, "@ARGUMENTS@", branches);
  replace_all(script, "@MODELS@", fmt::format("{}", fmt::join(facts.models, " ")));
  return script;
}

}  // namespace weightlift
