// `weightlift man`: man pages of the program and of each command.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tests/cli/program.h"
#include "weightlift/base/text.h"

namespace weightlift::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

/// The page of a command, of the program without one, as roff.
std::string man_page(const std::vector<std::string>& command) {
  std::vector<std::string> arguments = {"man"};
  arguments.insert(arguments.end(), command.begin(), command.end());
  const Outcome outcome = run_weightlift(arguments);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  return outcome.out;
}

/// The page as man(1) shows it. groff must not warn.
std::string shown(const std::string& page) {
  const TempDir dir;
  write_file(dir / "page.1", page);
  const Outcome outcome = run_program(
      {"/usr/bin/groff", "-man", "-ww", "-Tascii", "-rLL=100n", "-P-cbou", dir / "page.1"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.err, "");
  return outcome.out;
}

/// In one line.
std::string unwrapped(const std::string& text) {
  std::istringstream words(text);
  std::string line;
  for (std::string word; words >> word;) line += word + " ";
  return line;
}

TEST(ManPageTest, NamesEachCommand) {
  const std::string page = man_page({});
  EXPECT_THAT(page, HasSubstr("\n.SH NAME\nweightlift \\- convert timm checkpoints into "));
  const std::string text = shown(page);
  for (const std::string& command : all_commands()) {
    EXPECT_THAT(text, HasSubstr("\n       weightlift-" + command + "(1)\n"));
  }
  for (const std::string& option : options_in(run_weightlift({"--help"}).out)) {
    EXPECT_THAT(text, HasSubstr(option));
  }
  for (const char* title : {"SYNOPSIS", "DESCRIPTION", "COMMANDS", "OPTIONS", "EXAMPLES",
                            "EXIT STATUS", "ENVIRONMENT", "SEE ALSO"}) {
    EXPECT_THAT(text, HasSubstr(std::string("\n") + title + "\n"));
  }
}

TEST(ManPageTest, ExplainsEachOptionOfEachCommand) {
  for (const std::string& command : all_commands()) {
    SCOPED_TRACE(command);
    const std::string page = man_page({command});
    EXPECT_THAT(page, StartsWith(".TH weightlift\\-" + command + " 1 "));
    EXPECT_THAT(page, HasSubstr("\n.SH NAME\nweightlift\\-" + command + " \\- "));
    const std::string text = shown(page);
    for (const std::string& option : options_in(help_of(command))) {
      EXPECT_THAT(text, ::testing::ContainsRegex("\n       (-[a-z-]*, )*" + option + "[ ,\n]"));
    }
    EXPECT_THAT(text, HasSubstr("\nEXIT STATUS\n"));
    EXPECT_THAT(unwrapped(text), HasSubstr(" SEE ALSO weightlift(1) "));
  }
}

TEST(ManPageTest, HasTheExamplesOfTheHelp) {
  for (const std::string& command : all_commands()) {
    std::string examples = unwrapped(help_of(command));
    examples.erase(0, examples.find("Examples: ") + 10);
    EXPECT_THAT(unwrapped(shown(man_page({command}))), HasSubstr("EXAMPLES " + examples));
  }
}

TEST(ManPageTest, ShowsTheTextsOfTheHelp) {
  EXPECT_THAT(unwrapped(shown(man_page({"convert"}))),
              HasSubstr("--to {transformers,timm,torchvision} Format of the new folder "
                        "(default: transformers) "));
  EXPECT_THAT(unwrapped(shown(man_page({"diff"}))),
              HasSubstr("twice for A and then B ('' for none)"));
  EXPECT_THAT(unwrapped(shown(man_page({"convert"}))),
              HasSubstr("SYNOPSIS weightlift convert [SOURCE...] -o DIR [OPTION...] "));
}

TEST(ManPageTest, RefusesUnknownCommands) {
  const Outcome outcome = run_weightlift({"man", "convrt"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.err, "weightlift: error: unknown command 'convrt'; did you mean convert?\n");
}

}  // namespace
}  // namespace weightlift::testing
