#include "weightlift/cli/man_page.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include "weightlift/base/text.h"
#include "weightlift/version.h"

namespace weightlift {

namespace {

/// The text as roff shows it letter by letter, in a place where a line may begin.
std::string roff(std::string_view words) {
  std::string text(words);
  // The backslash first: the others bring their own.
  for (const auto& [special, escaped] :
       std::initializer_list<std::pair<std::string_view, std::string_view>>{{"\\", "\\(rs"},
                                                                            {"-", "\\-"},
                                                                            {"'", "\\(aq"},
                                                                            {"`", "\\(ga"},
                                                                            {"^", "\\(ha"},
                                                                            {"~", "\\(ti"}}) {
    replace_all(text, special, escaped);
  }
  return text.starts_with('.') ? "\\&" + text : text;
}

std::string bold(std::string_view text) { return "\\fB" + roff(text) + "\\fR"; }
std::string italic(std::string_view text) { return "\\fI" + roff(text) + "\\fR"; }

std::string title_line(std::string_view text) { return fmt::format(".SH {}\n", text); }

/// A paragraph with a tag, whose texts are roff already.
std::string tagged(const std::string& tag, const std::string& text) {
  return fmt::format(".TP\n{}\n{}\n", tag, text);
}

std::string page_link(const std::string& page) { return bold(page) + "(1)"; }

/// Title and NAME. whatis(1) shows the line under NAME, which begins in lower case.
std::string page_begin(const std::string& page, std::string purpose) {
  if (purpose.ends_with('.')) purpose.pop_back();
  purpose[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(purpose[0])));
  // .ad l: without it, groff warns of lines that it cannot stretch.
  return fmt::format(".TH {} 1 \"\" \"weightlift {}\" \"User Commands\"\n.ad l\n.nh\n{}{} \\- {}\n",
                     roff(page), version(), title_line("NAME"), roff(page), roff(purpose));
}

/// "-o, --output DIR", with the word for the value in italics.
std::string option_tag(const OptionEntry& option) {
  std::string tag;
  for (const std::string& name : option.names) tag += (tag.empty() ? "" : ", ") + bold(name);
  return option.value.empty() ? tag : tag + " " + italic(option.value);
}

std::string option_text(const OptionEntry& option) {
  std::string text = roff(option.description);
  if (option.required) text += " (required)";
  if (!option.default_value.empty()) text += " (default: " + roff(option.default_value) + ")";
  return text;
}

/// The options below a title for each group, in the order of the help text.
std::string options_by_group(const std::vector<OptionEntry>& options) {
  std::vector<std::string> groups;
  for (const OptionEntry& option : options) {
    if (std::ranges::find(groups, option.group) == groups.end()) groups.push_back(option.group);
  }
  std::string text = title_line("OPTIONS");
  for (const std::string& group : groups) {
    if (groups.size() > 1) text += fmt::format(".SS {}\n", roff(group));
    for (const OptionEntry& option : options) {
      if (option.group == group) text += tagged(option_tag(option), option_text(option));
    }
  }
  return text;
}

/// The line of the command with its arguments and the options that it needs.
std::string synopsis_section(const CommandEntry& command) {
  std::string text = title_line("SYNOPSIS") + bold("weightlift " + command.name);
  for (const OptionEntry& argument : command.arguments) {
    std::string word = italic(argument.value) + (argument.repeatable ? "..." : "");
    text += argument.required ? " " + word : " [" + word + "]";
  }
  for (const OptionEntry& option : command.options) {
    if (option.required) text += " " + bold(option.names.front()) + " " + italic(option.value);
  }
  return text + " [" + italic("OPTION") + "...]\n";
}

std::string arguments_section(const CommandEntry& command) {
  if (command.arguments.empty()) return "";
  std::string text = title_line("ARGUMENTS");
  for (const OptionEntry& argument : command.arguments) {
    text += tagged(italic(argument.value), roff(argument.description));
  }
  return text;
}

std::string examples_section(const std::vector<std::string>& lines) {
  std::string text = title_line("EXAMPLES") + ".nf\n";
  for (const std::string& line : lines) text += roff(line) + "\n";
  return text + ".fi\n";
}

/// An example of the usual commands.
std::vector<std::string> first_examples(const CommandTree& tree) {
  std::vector<std::string> lines;
  for (const char* name : {"convert", "inspect", "classify", "push"}) {
    const auto command = std::ranges::find(tree.commands, name, &CommandEntry::name);
    if (command != tree.commands.end()) lines.push_back(command->examples.front());
  }
  return lines;
}

// docs/exit-codes.md and docs/cli.md say more.
constexpr std::initializer_list<std::pair<const char*, const char*>> kExitStatus = {
    {"0", "Success."},
    {"1", "Results that standard output did not take, or an internal error."},
    {"2", "Wrong options or arguments."},
    {"3", "A source that cannot be used, or a place that cannot be written."},
    {"4", "Compared, and different: convert, verify, diff."},
    {"5", "The Hub or the network failed."},
    {"6", "Out of memory."},
    {"128+N", "Stopped by signal N; 141 where the reader of standard output is gone."}};

constexpr std::initializer_list<std::pair<const char*, const char*>> kEnvironment = {
    {"NO_COLOR, FORCE_COLOR", "No colors; colors also without a terminal."},
    {"HF_HUB_DISABLE_PROGRESS_BARS", "No progress bars."},
    {"HF_TOKEN, HF_HOME, HF_ENDPOINT, HF_HUB_OFFLINE", "As for huggingface_hub."},
    {"TMPDIR", "Place of the published card's copy."}};

std::string tagged_rows(std::initializer_list<std::pair<const char*, const char*>> rows) {
  std::string text;
  for (const auto& [name, meaning] : rows) text += tagged(bold(name), roff(meaning));
  return text;
}

}  // namespace

std::string program_page(const CommandTree& tree) {
  std::string text = page_begin("weightlift", tree.program.description);
  text += title_line("SYNOPSIS") + bold("weightlift") + " " + italic("COMMAND") + " [" +
          italic("ARGUMENT") + "...] [" + italic("OPTION") + "...]\n";
  text +=
      title_line("DESCRIPTION") + roff(tree.program.description) + "\n" + title_line("COMMANDS");
  std::vector<std::string> pages;
  for (const CommandEntry& command : tree.commands) {
    pages.push_back(page_link("weightlift-" + command.name));
    text += tagged(pages.back(), roff(command.description));
  }
  text += options_by_group(tree.program.options);
  text += examples_section(first_examples(tree));
  text += title_line("EXIT STATUS") + tagged_rows(kExitStatus);
  text += title_line("ENVIRONMENT") + tagged_rows(kEnvironment);
  return text + title_line("SEE ALSO") + fmt::format("{}\n", fmt::join(pages, ",\n"));
}

std::string command_page(const CommandTree& tree, const CommandEntry& command) {
  std::string text = page_begin("weightlift-" + command.name, command.description);
  text += synopsis_section(command);
  text += title_line("DESCRIPTION") + roff(command.description) + ".\n";
  text += arguments_section(command);
  std::vector<OptionEntry> options = command.options;
  for (OptionEntry option : tree.program.options) {
    option.group = "All commands";
    options.push_back(std::move(option));
  }
  text += options_by_group(options);
  text += examples_section(command.examples);
  text += title_line("EXIT STATUS") + tagged_rows(kExitStatus);
  return text + title_line("SEE ALSO") + page_link("weightlift") + "\n";
}

}  // namespace weightlift
