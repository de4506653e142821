#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <vector>

#include "weightlift/base/text.h"
#include "weightlift/cli/completion.h"

namespace weightlift {

namespace {

// It needs nothing of the package bash-completion. Readline itself completes files and folders: it
// knows how to quote them.
constexpr const char* kBashScript =
    R"script(# Completes the commands and options of weightlift in bash 4.4 and later.
# shellcheck shell=bash

# Sets what the value of an option, or an argument, is. $1: command, $2: option or number.
_weightlift_value() {
  kind='' words=''
  case "$1 $2" in
@VALUES@  esac
}

# Sets `words` to the options of a command.
_weightlift_options() {
  words='@OPTIONS@'
  case $1 in
@COMMAND_OPTIONS@  esac
}

# Sets `command`, the number of its `arguments`, `ended` after "--", and the `option` whose value
# comes next. Readline separates "=" and ":" from the words around them.
_weightlift_words() {
  local word
  local -i i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ $word == [=:]* ]]; then
      option=${option:-$word}
    elif [[ -n $option ]]; then
      option=''
    elif [[ $word == -- ]]; then
      ended=1
    elif [[ $word == -* && $ended == 0 ]]; then
      _weightlift_value "$command" "$word"
      [[ -z $kind ]] || option=$word
    elif [[ -z $command ]]; then
      command=$word
    else
      arguments+=1
    fi
  done
}

_weightlift() {
  local IFS=$' \t\n' cur=${COMP_WORDS[COMP_CWORD]} command='' option='' kind='' words=''
  local -i arguments=0 ended=0
  _weightlift_words
  [[ $cur != [=:]* ]] || cur=''
  if [[ -n $option ]]; then
    _weightlift_value "$command" "$option"
  elif [[ $cur == -* && $ended == 0 ]]; then
    kind=choice
    _weightlift_options "$command"
  elif [[ -z $command ]]; then
    kind=choice words='@COMMANDS@'
  else
    _weightlift_value "$command" "$((arguments + 1))"
  fi
  # All names would hide the files: the first letter decides.
  if [[ $kind == model || ($kind == source && -n $cur) ]]; then
    words='@MODELS@'
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
  case $kind in
    file) compopt -o bashdefault -o default ;;
    folder) compopt -o dirnames ;;
    source)
      [[ ${#COMPREPLY[@]} == 0 ]] ||
        mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$cur")
      compopt -o filenames -o bashdefault -o default
      ;;
  esac
}

complete -F _weightlift weightlift
)script";

const char* bash_kind(ValueKind kind) {
  switch (kind) {
    case ValueKind::kNone:
    case ValueKind::kText:
      return "text";
    case ValueKind::kChoice:
      return "choice";
    case ValueKind::kFile:
      return "file";
    case ValueKind::kFolder:
      return "folder";
    case ValueKind::kSource:
      return "source";
    case ValueKind::kModel:
      return "model";
  }
  return "text";
}

std::string bash_value(const OptionEntry& entry, const std::vector<std::string>& patterns) {
  const std::string words = fmt::format(" words='{}'", fmt::join(entry.choices, " "));
  return fmt::format("    {}) kind='{}'{} ;;\n", fmt::join(patterns, " | "), bash_kind(entry.kind),
                     entry.choices.empty() ? "" : words);
}

/// The branches for the values of a command. The last argument may be repeated.
std::string bash_values(const CommandEntry& command) {
  std::string text;
  for (const OptionEntry& option : command.options) {
    if (option.kind == ValueKind::kNone) continue;
    std::vector<std::string> patterns;
    for (const std::string& name : option.names) {
      patterns.push_back(command.name.empty() ? fmt::format("*' {}'", name)
                                              : fmt::format("'{} {}'", command.name, name));
    }
    text += bash_value(option, patterns);
  }
  int place = 0;
  for (const OptionEntry& argument : command.arguments) {
    text +=
        bash_value(argument, {argument.repeatable ? fmt::format("'{} '[0-9]*", command.name)
                                                  : fmt::format("'{} {}'", command.name, ++place)});
  }
  return text;
}

std::string bash_names(const std::vector<OptionEntry>& options) {
  std::vector<std::string> names;
  for (const OptionEntry& option : options) {
    names.insert(names.end(), option.names.begin(), option.names.end());
  }
  return fmt::format("{}", fmt::join(names, " "));
}

}  // namespace

std::string bash_completion(const CompletionFacts& facts) {
  std::string values, options;
  std::vector<std::string> commands;
  for (const CommandEntry& command : facts.tree.commands) {
    commands.push_back(command.name);
    values += bash_values(command);
    options += fmt::format("    {}) words+=' {}' ;;\n", command.name, bash_names(command.options));
  }
  std::string script = kBashScript;
  replace_all(script, "@VALUES@", values + bash_values(facts.tree.program));
  replace_all(script, "@OPTIONS@", bash_names(facts.tree.program.options));
  replace_all(script, "@COMMAND_OPTIONS@", options);
  replace_all(script, "@COMMANDS@", fmt::format("{}", fmt::join(commands, " ")));
  replace_all(script, "@MODELS@", fmt::format("{}", fmt::join(facts.models, " ")));
  return script;
}

}  // namespace weightlift
