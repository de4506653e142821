#include "weightlift/cli/help.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>

namespace weightlift {

namespace {

/// The word for an option's value: the choices or limits that are checked, else its longest name.
std::string value_word(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  if (type.empty() || option.get_positional()) return "";
  if (const std::size_t check = type.find(':'); check != std::string::npos) {
    return " " + type.substr(check + 1);
  }
  std::string word = option.get_lnames().front();
  std::ranges::transform(word, word.begin(), [](char c) {
    return c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return " " + word;
}

class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_option_opts(const CLI::Option* option) const override {
    const std::string text = Formatter::make_option_opts(option);
    const std::string type = " " + option->get_type_name();
    return text.starts_with(type) ? value_word(*option) + text.substr(type.size()) : text;
  }
};

}  // namespace

std::shared_ptr<CLI::FormatterBase> help_formatter() { return std::make_shared<HelpFormatter>(); }

}  // namespace weightlift
