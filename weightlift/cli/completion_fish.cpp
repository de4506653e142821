#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/base/text.h"
#include "weightlift/cli/completion.h"

namespace weightlift {

namespace {

constexpr const char* kFishScript =
    R"script(# Completes the commands and options of weightlift in fish.

# Whether the command of the line is $argv[1]; without $argv, whether the line has none yet.
function __weightlift_at
    set -l words (commandline -opc)
    set -e words[1]
    while string match -q -- '-*' $words[1]
        contains -- $words[1] @VALUES@; and set -e words[1]
        set -e words[1]
    end
    test "$words[1]" = "$argv[1]"
end

set -g __weightlift_models @MODELS@

complete -c weightlift -e
complete -c weightlift -f
)script";

/// The text inside '...'.
std::string fish_text(std::string text) {
  replace_all(text, "\\", "\\\\");
  replace_all(text, "'", "\\'");
  return text;
}

/// What completes a value or an argument, as options of `complete`.
std::string fish_words(const OptionEntry& entry) {
  switch (entry.kind) {
    case ValueKind::kNone:
    case ValueKind::kText:
      return "";
    case ValueKind::kChoice:
      return fmt::format(" -a '{}'", fmt::join(entry.choices, " "));
    case ValueKind::kFile:
      return " -F";
    case ValueKind::kFolder:
      return " -a '(__fish_complete_directories)'";
    case ValueKind::kSource:
      return " -F -a '$__weightlift_models'";
    case ValueKind::kModel:
      return " -a '$__weightlift_models'";
  }
  return "";
}

std::string fish_option(const std::string& begin, const OptionEntry& option) {
  std::string line = begin;
  for (const std::string& name : option.names) {
    line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  const bool takes_files = option.kind == ValueKind::kFile || option.kind == ValueKind::kSource;
  if (option.kind != ValueKind::kNone) line += takes_files ? " -r" : " -x";
  return fmt::format("{}{} -d '{}'\n", line, fish_words(option), fish_text(option.description));
}

/// fish completes each argument of a command alike.
std::string fish_lines(const CommandEntry& command) {
  const std::string begin =
      fmt::format("complete -c weightlift -n '__weightlift_at {}'", command.name);
  std::string lines;
  for (const OptionEntry& option : command.options) lines += fish_option(begin, option);
  for (const OptionEntry& argument : command.arguments) {
    const std::string words = fish_words(argument);
    if (!words.empty()) lines += begin + words + "\n";
  }
  return lines;
}

}  // namespace

std::string fish_completion(const CompletionFacts& facts) {
  std::string lines;
  std::vector<std::string> with_values;
  for (const OptionEntry& option : facts.tree.program.options) {
    lines += fish_option("complete -c weightlift", option);
    if (option.kind == ValueKind::kNone) continue;
    with_values.insert(with_values.end(), option.names.begin(), option.names.end());
  }
  for (const CommandEntry& command : facts.tree.commands) {
    lines += fmt::format("complete -c weightlift -n __weightlift_at -a {} -d '{}'\n", command.name,
                         fish_text(command.description));
  }
  for (const CommandEntry& command : facts.tree.commands) lines += "\n" + fish_lines(command);
  std::string script = kFishScript;
  replace_all(script, "@VALUES@", fmt::format("{}", fmt::join(with_values, " ")));
  replace_all(script, "@MODELS@", fmt::format("{}", fmt::join(facts.models, " ")));
  return script + lines;
}

}  // namespace weightlift
