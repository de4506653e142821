#include "weightlift/cli/help.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstddef>
#include <sstream>
#include <string>
#include <utility>

#include "weightlift/base/text.h"
#include "weightlift/cli/command_tree.h"

namespace weightlift {

namespace {

constexpr std::size_t kWidth = 80;
constexpr std::size_t kIndent = 6;

/// The words in lines that fit, each after `indent` blanks.
std::string wrapped(const std::string& text, std::size_t indent, std::size_t first_column) {
  std::istringstream words(text);
  std::string out, word;
  std::size_t column = first_column;
  bool begins_line = true;
  while (words >> word) {
    if (!begins_line && column + 1 + word.size() > kWidth) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (!begins_line) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    begins_line = false;
  }
  return out;
}

class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_option_opts(const CLI::Option* option) const override {
    const std::string text = Formatter::make_option_opts(option);
    const std::string type = " " + option->get_type_name();
    if (!text.starts_with(type)) return text;
    const std::string word = value_word(*option);
    return (word.empty() ? "" : " " + word) + text.substr(type.size());
  }

  /// The option on a line, its description in the lines below.
  std::string make_option(const CLI::Option* option, bool positional) const override {
    const std::string name = "  " + make_option_name(option, positional) + make_option_opts(option);
    return "  " + wrapped(name, 4, 2) + "\n" + std::string(kIndent, ' ') +
           wrapped(make_option_desc(option), kIndent, kIndent) + "\n";
  }

  /// One blank line between groups; CLI11's own leaves two.
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override {
    std::string text = Formatter::make_help(app, std::move(name), mode);
    replace_all(text, "\n\n\n", "\n\n");
    return text;
  }

  std::string make_subcommand(const CLI::App* command) const override {
    constexpr std::size_t kName = 14;
    std::string name = "  " + command->get_name();
    name.resize(std::max(kName, name.size() + 1), ' ');
    return name + wrapped(command->get_description(), kName, kName) + "\n";
  }
};

}  // namespace

std::shared_ptr<CLI::FormatterBase> help_formatter() { return std::make_shared<HelpFormatter>(); }

void add_examples(CLI::App& command, const std::vector<std::string>& examples) {
  std::string text = "Examples:";
  for (const std::string& example : examples) {
    std::string lines = wrapped(example, 4, 2);
    for (std::size_t at = lines.find('\n'); at != std::string::npos;
         at = lines.find('\n', at + 3)) {
      lines.insert(at, " \\");
    }
    text += "\n  " + lines;
  }
  command.footer(text);
}

}  // namespace weightlift
