// `weightlift completion`: each script completes in its shell.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "tests/cli/program.h"
#include "weightlift/base/text.h"

namespace weightlift::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

using Words = std::vector<std::string>;

Words lines_of(const std::string& text) {
  std::istringstream lines(text);
  Words words;
  for (std::string line; std::getline(lines, line);) words.push_back(line);
  return words;
}

/// The options of a command and of the program, by their help texts.
std::set<std::string> options_with(const std::string& command) {
  std::set<std::string> options;
  for (const std::string& help : {help_of(command), run_weightlift({"--help"}).out}) {
    for (const std::string& name : options_in(help)) options.insert(name);
  }
  return options;
}

/// A shell's script in a file, in a folder with a file `a b.pth` and a folder `out`.
class CompletionTest : public ::testing::Test {
 protected:
  explicit CompletionTest(const std::string& shell = "bash") : shell_(shell) {
    const Outcome printed = run_weightlift({"completion", shell});
    EXPECT_EQ(printed.exit_code, 0) << printed.err;
    write_file(script(), printed.out);
    write_file(dir_ / "room/a b.pth", "x");
    write_file(dir_ / "room/out/config.json", "{}");
  }

  std::string script() const { return dir_ / ("weightlift." + shell_); }

  /// Runs a shell in the folder, without the user's settings.
  Outcome run(const Words& command) const {
    Words all = {
        "/usr/bin/env",      "-i", "-C", dir_ / "room", "HOME=" + dir_.path().string(), "TERM=dumb",
        "PATH=/usr/bin:/bin"};
    all.insert(all.end(), command.begin(), command.end());
    return run_program(all);
  }

 private:
  std::string shell_;
  TempDir dir_;
};

class BashCompletionTest : public CompletionTest {
 protected:
  /// What bash offers for these words, the last at the cursor; "compopt ..." where it lets readline
  /// complete files.
  Words offers(const Words& words) const {
    Words command = {"bash", "--norc", "--noprofile", "-c", R"(
      set -u
      IFS=:
      source "$1"; shift
      compopt() { printf '%s\n' "compopt ${*@Q}"; }
      COMP_WORDS=(weightlift "$@") COMP_CWORD=$#
      _weightlift
      ((${#COMPREPLY[@]} == 0)) || printf '%s\n' "${COMPREPLY[@]}")", "bash", script()};
    command.insert(command.end(), words.begin(), words.end());
    const Outcome outcome = run(command);
    EXPECT_EQ(outcome.err, "");
    return lines_of(outcome.out);
  }
};

TEST_F(BashCompletionTest, CompletesCommandsAndOptions) {
  EXPECT_THAT(offers({"con"}), ElementsAre("convert"));
  EXPECT_THAT(offers({""}), ::testing::ElementsAreArray(all_commands()));
  EXPECT_THAT(offers({"-q", "--log-file", "log", "con"}), ElementsAre("convert"));
  EXPECT_THAT(offers({"convert", "--im"}), ElementsAre("--image-processor", "--image"));
  EXPECT_THAT(offers({"--vers"}), ElementsAre("--version"));
  EXPECT_THAT(offers({"convert", "--verb"}), ElementsAre("--verbose"));
  EXPECT_THAT(offers({"convert", "--", "--im"}), Not(Contains(StartsWith("--"))));
}

TEST_F(BashCompletionTest, OffersEachOptionOfEachCommand) {
  for (const std::string& command : all_commands()) {
    const Words offered = offers({command, "-"});
    EXPECT_EQ(std::set(offered.begin(), offered.end()), options_with(command)) << command;
    EXPECT_EQ(offered.size(), options_with(command).size()) << command;
  }
}

TEST_F(BashCompletionTest, CompletesChoices) {
  EXPECT_THAT(offers({"convert", "--to", ""}), ElementsAre("transformers", "timm", "torchvision"));
  EXPECT_THAT(offers({"convert", "a", "-o", "b", "--dtype", "f"}),
              ElementsAre("float32", "float16"));
  EXPECT_THAT(offers({"completion", ""}), ElementsAre("bash", "zsh", "fish"));
  EXPECT_THAT(offers({"help", "ver"}), ElementsAre("verify", "version"));
  EXPECT_THAT(offers({"models", "resnet50.a1_"}), ElementsAre("resnet50.a1_in1k"));
}

// Readline makes three words of --to=timm.
TEST_F(BashCompletionTest, CompletesValuesAfterAnEqualsSign) {
  EXPECT_THAT(offers({"convert", "--to", "="}), ElementsAre("transformers", "timm", "torchvision"));
  EXPECT_THAT(offers({"convert", "--to", "=", "ti"}), ElementsAre("timm"));
  EXPECT_THAT(offers({"verify", "--samples", "=", "3", "a", ""}),
              ElementsAre("compopt '-o' 'dirnames'"));
  EXPECT_THAT(offers({"verify", "--push_to_hub", "=", "True", "hf", ":", "//a", ""}),
              ElementsAre("compopt '-o' 'dirnames'"));
}

TEST_F(BashCompletionTest, CompletesFilesAndFolders) {
  const std::string files = "compopt '-o' 'bashdefault' '-o' 'default'";
  const std::string folders = "compopt '-o' 'dirnames'";
  EXPECT_THAT(offers({"--log-file", ""}), ElementsAre(files));
  EXPECT_THAT(offers({"convert", "x", "--id2label", "a"}), ElementsAre(files));
  EXPECT_THAT(offers({"convert", "x", "-o", ""}), ElementsAre(folders));
  EXPECT_THAT(offers({"classify", ""}), ElementsAre(folders));
  EXPECT_THAT(offers({"classify", "out", "a", "b", "c"}), ElementsAre(files));
  EXPECT_THAT(offers({"verify", "--seed", "-1", "x", ""}), ElementsAre(folders));
  EXPECT_THAT(offers({"verify", "x", "y", ""}), IsEmpty());
  EXPECT_THAT(offers({"push", "out", ""}), IsEmpty());
  EXPECT_THAT(offers({"push", "out", "--include", "r"}), IsEmpty());
  EXPECT_THAT(offers({"convert", "--samples", ""}), IsEmpty());
}

TEST_F(BashCompletionTest, CompletesFilesAndNamesAsSource) {
  const std::string files = "compopt '-o' 'filenames' '-o' 'bashdefault' '-o' 'default'";
  EXPECT_THAT(offers({"convert", ""}), ElementsAre(files));
  EXPECT_THAT(offers({"convert", "a b"}), ElementsAre(files));
  EXPECT_THAT(offers({"convert", "x", "resnet50.a1_"}), ElementsAre(files, "resnet50.a1_in1k"));
}

TEST_F(BashCompletionTest, RegistersItself) {
  EXPECT_EQ(
      run({"bash", "--norc", "-c", "source \"$1\"; complete -p weightlift", "bash", script()}).out,
      "complete -F _weightlift weightlift\n");
}

TEST_F(BashCompletionTest, ShellcheckFindsNoFault) {
  const Outcome outcome = run({"shellcheck", script()});
  EXPECT_EQ(outcome.out + outcome.err, "");
  EXPECT_EQ(outcome.exit_code, 0);
}

class FishCompletionTest : public CompletionTest {
 protected:
  FishCompletionTest() : CompletionTest("fish") {}

  /// What fish offers for this line, with descriptions after a tab.
  Words offers_with_descriptions(const std::string& line) const {
    const Outcome outcome =
        run({"fish", "--no-config", "-c", "source $argv[1]; complete -C $argv[2]", script(), line});
    EXPECT_EQ(outcome.err, "");
    return lines_of(outcome.out);
  }

  Words offers(const std::string& line) const {
    Words words = offers_with_descriptions(line);
    for (std::string& word : words) word = word.substr(0, word.find('\t'));
    return words;
  }
};

TEST_F(FishCompletionTest, CompletesCommandsAndOptions) {
  EXPECT_THAT(offers("weightlift con"), ElementsAre("convert"));
  EXPECT_THAT(offers("weightlift -q --log-file log con"), ElementsAre("convert"));
  EXPECT_THAT(offers("weightlift convert --im"),
              ::testing::UnorderedElementsAre("--image-processor", "--image"));
  EXPECT_THAT(offers("weightlift inspect convert --im"), IsEmpty());
  EXPECT_THAT(offers("weightlift convert --verb"), ElementsAre("--verbose"));
}

TEST_F(FishCompletionTest, ShowsTheHelpTexts) {
  EXPECT_THAT(offers_with_descriptions("weightlift convert --forc"),
              ElementsAre("--force\tReplace an existing folder, in one step"));
  EXPECT_THAT(offers_with_descriptions("weightlift diff --weights-k").at(0),
              HasSubstr("then B ('' for none)"));
}

TEST_F(FishCompletionTest, OffersEachOptionOfEachCommand) {
  for (const std::string& command : all_commands()) {
    std::set<std::string> offered;
    for (const char* dashes : {"-", "--"}) {
      for (const std::string& word : offers("weightlift " + command + " " + dashes)) {
        offered.insert(word);
      }
    }
    EXPECT_EQ(offered, options_with(command)) << command;
  }
}

TEST_F(FishCompletionTest, CompletesValues) {
  EXPECT_THAT(offers("weightlift convert --to ti"), ElementsAre("timm"));
  EXPECT_THAT(offers("weightlift convert --to=ti"), ElementsAre("--to=timm"));
  EXPECT_THAT(offers("weightlift completion "),
              ::testing::UnorderedElementsAre("bash", "zsh", "fish"));
  EXPECT_THAT(offers("weightlift help conv"), ElementsAre("convert"));
  EXPECT_THAT(offers("weightlift convert x -o o"), ElementsAre("out/"));
  EXPECT_THAT(offers("weightlift classify out a"), ElementsAre("a b.pth"));
  EXPECT_THAT(offers("weightlift convert a"), ElementsAre("a b.pth"));
  EXPECT_THAT(offers("weightlift convert resnet50.a1_"), ElementsAre("resnet50.a1_in1k"));
  EXPECT_THAT(offers("weightlift convert --samples "), IsEmpty());
}

class ZshCompletionTest : public CompletionTest {
 protected:
  ZshCompletionTest() : CompletionTest("zsh") {}

  /// Types the line and a tab into an interactive zsh. Returns what it shows up to `end`.
  std::string terminal(const std::string& line, const std::string& end) const {
    return run({"timeout", "60", "zsh", "-f", "-c", R"(
      zmodload zsh/zpty
      zpty terminal zsh -f
      zpty -w terminal "PS1=; autoload -U compinit; compinit -u -D; source ${(q)1}; echo re''ady"
      zpty -r terminal text '*ready*'
      zpty -w -n terminal $2$'\t'
      zpty -r terminal text "*$3*"
      print -r -- $text)",
                "zsh", script(), line, end})
        .out;
  }
};

TEST_F(ZshCompletionTest, CompletesCommandsAndOptions) {
  EXPECT_THAT(terminal("weightlift con", "convert "), HasSubstr("weightlift convert "));
  EXPECT_THAT(terminal("weightlift convert --forc", "--force "), HasSubstr("convert --force "));
}

TEST_F(ZshCompletionTest, CompletesValues) {
  EXPECT_THAT(terminal("weightlift convert --to ti", "timm "), HasSubstr("--to timm "));
  EXPECT_THAT(terminal("weightlift convert --to=ti", "timm "), HasSubstr("--to=timm "));
  EXPECT_THAT(terminal("weightlift help conv", "convert "), HasSubstr("help convert "));
  EXPECT_THAT(terminal("weightlift convert x -o o", "out/"), HasSubstr("-o out/"));
  EXPECT_THAT(terminal("weightlift classify out a", ".pth "), HasSubstr("out a\\ b.pth "));
  EXPECT_THAT(terminal("weightlift models resnet50.a1_", "in1k "), HasSubstr("resnet50.a1_in1k "));
}

TEST_F(ZshCompletionTest, NamesEachOptionOfEachCommand) {
  const std::string text = read_file(script());
  for (const std::string& command : all_commands()) {
    const std::size_t begin = text.find("\n        " + command + ")\n");
    ASSERT_NE(begin, std::string::npos) << command;
    const std::string branch = text.substr(begin, text.find(" ;;\n", begin) - begin);
    for (const std::string& name : options_in(help_of(command))) {
      if (name == "-h" || name == "--help") continue;  // the program's
      EXPECT_THAT(branch, ::testing::ContainsRegex("[*)]" + name + "(\\[|=|\\+)")) << command;
    }
  }
  for (const std::string& name : options_in(run_weightlift({"--help"}).out)) {
    EXPECT_THAT(text, ::testing::ContainsRegex("\n    '\\([^)]*\\)" + name + "(\\[|=|\\+)"));
  }
}

TEST(CompletionCommandTest, RefusesOtherShells) {
  const Outcome outcome = run_weightlift({"completion", "tcsh"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, HasSubstr("SHELL: tcsh not in {bash,zsh,fish}"));
  EXPECT_THAT(run_weightlift({"completion"}).err, HasSubstr("SHELL is required"));
}

}  // namespace
}  // namespace weightlift::testing
