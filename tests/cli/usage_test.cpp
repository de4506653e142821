// The command line: options and their errors, help, version and env, colors and log files.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/cli/program.h"
#include "weightlift/base/message.h"
#include "weightlift/base/text.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using testing::all_commands;
using ::testing::AllOf;
using testing::count_errors;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::help_of;
using ::testing::IsEmpty;
using testing::json_lines;
using ::testing::MatchesRegex;
using testing::names_in;
using ::testing::Not;
using testing::Outcome;
using testing::read_file;
using testing::Room;
using testing::run_weightlift;
using testing::TempDir;
using testing::write_file;

/// The only message of a run that prints no result.
std::string refusal_of(const std::vector<std::string>& arguments, int exit_code) {
  const Outcome outcome = run_weightlift(arguments);
  EXPECT_EQ(outcome.exit_code, exit_code) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(count_errors(outcome.err), 1) << outcome.err;
  return outcome.err;
}

std::string usage_error(const std::vector<std::string>& arguments) {
  return refusal_of(arguments, 2);
}

TEST(UsageTest, PrintsVersionAndHelpAsResults) {
  const Outcome version = run_weightlift({"--version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_THAT(version.out, MatchesRegex("weightlift [0-9]+\\.[0-9]+\\.[0-9]+\n"));
  EXPECT_EQ(version.err, "");
  const Outcome help = run_weightlift({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_THAT(help.out, AllOf(HasSubstr("convert"), HasSubstr("verify"), HasSubstr("inspect"),
                              HasSubstr("models")));
}

// Loading libcurl takes as long as the rest of the start: only the Hub's commands may wait for it.
TEST(UsageTest, OnlyTheHubNeedsLibcurl) {
  const TempDir dir;
  write_file(dir / "libcurl.so.4", std::string(100, 'x'));
  const auto run = [&](const std::vector<std::string>& arguments) {
    std::vector<std::string> command = testing::weightlift(arguments);
    command.insert(command.begin(),
                   {"/usr/bin/env", "LD_LIBRARY_PATH=" + dir.path().string(), "HF_ENDPOINT="});
    return testing::run_program(command);
  };
  const Outcome version = run({"--version"});
  EXPECT_EQ(version.exit_code, 0) << version.err;
  const Outcome pull = run({"pull", "alice/net"});
  EXPECT_EQ(pull.exit_code, 5) << pull.err;
  EXPECT_THAT(pull.err, HasSubstr("libcurl.so.4: cannot load the library: "));
  EXPECT_THAT(pull.err, HasSubstr("; install the package libcurl4\n"));
  EXPECT_EQ(count_errors(pull.err), 1) << pull.err;
}

TEST(UsageTest, HelpNamesOptionsAndDefaults) {
  const Outcome help = run_weightlift({"convert", "--help"});
  EXPECT_EQ(help.exit_code, 0);
  for (const char* text : {"--rtol", "--atol", "--head", "keep", "--image-processor", "source-test",
                           "--pytorch_dump_folder_path", "--model_name", "--push_to_hub"}) {
    EXPECT_THAT(help.out, HasSubstr(text));
  }
}

TEST(UsageTest, NeedsACommand) { EXPECT_THAT(usage_error({}), HasSubstr("see weightlift --help")); }

TEST(UsageTest, SuggestsTheNearestSpelling) {
  EXPECT_EQ(usage_error({"convrt"}),
            "weightlift: error: unknown command 'convrt'; did you mean convert?\n");
  EXPECT_EQ(usage_error({"convert", "x", "-o", "y", "--forse"}),
            "weightlift: error: unknown option '--forse'; did you mean --force?\n");
  EXPECT_THAT(usage_error({"convert", "--output=x", "--dtyp=float16"}),
              HasSubstr("unknown option '--dtyp'; did you mean --dtype?\n"));
  EXPECT_THAT(usage_error({"convert", "--outpt", "x"}), HasSubstr("did you mean --output?"));
  EXPECT_THAT(usage_error({"models", "--jsn"}), HasSubstr("did you mean --json?"));
  EXPECT_THAT(usage_error({"--versio"}), HasSubstr("did you mean --version?"));
  EXPECT_THAT(usage_error({"convert", "--pytorch_dump_folder", "x"}),
              HasSubstr("did you mean --pytorch_dump_folder_path?"));
}

TEST(UsageTest, HintsAtTheHelpWithoutANearSpelling) {
  EXPECT_THAT(usage_error({"convert", "x", "-o", "y", "-z"}),
              HasSubstr("unknown option '-z'; see weightlift convert --help\n"));
  EXPECT_THAT(usage_error({"somethingelse"}), HasSubstr("see weightlift --help"));
  EXPECT_THAT(usage_error({"verify", "a", "b", "c"}),
              HasSubstr("unexpected argument 'c'; see weightlift verify --help\n"));
}

TEST(UsageTest, RefusesAnEmptyOutput) {
  const Room room;
  EXPECT_THAT(usage_error({"convert", room.source(), "-o", ""}),
              HasSubstr("--output: expected a folder, got an empty text"));
}

TEST(UsageTest, PrintsHostileWordsOnOneLine) {
  EXPECT_THAT(usage_error({"convert", "--a\nb\x1b[2J"}),
              HasSubstr("unknown option '--a\\x0ab\\x1b[2J'; "));
}

TEST(UsageTest, EscapesEveryWordFromOutside) {
  const std::string hostile = "\x1b[31mX\nweightlift: verified\xE2\x80\xAE\xC2\x9B";
  const Room room;
  write_file(room.dir / hostile, "x");
  const std::vector<std::vector<std::string>> commands = {
      {hostile},
      {hostile, "--json"},
      {"--" + hostile},
      {"convert", room.source(), "-o", room.out(), "--to", hostile},
      {"convert", room.source(), "-o", room.out(), "--samples", hostile},
      {"convert", room.source(), "-o", room.out(), "--rtol", hostile},
      {"convert", room.source(), "-o", room.out(), "--name", hostile, "-v"},
      {"convert", room.source(), "-o", room.dir / hostile, "--dry-run"},
      {"convert", room.source(), "-o", room.out(), "--report", room.dir / hostile / "x"},
      {"convert", hostile, hostile, "-o", room.out()},
      {"convert", room.source(), "-o", room.out(), "--image", hostile},
      {"convert", room.source(), "-o", room.out(), "--license", hostile, "--force"},
      {"inspect", room.dir / hostile},
      {"inspect", room.dir / hostile, "--log-file", "/missing/" + hostile},
      {"models", hostile},
      {"diff", room.source(), hostile},
      {"verify", room.dir / hostile, hostile},
      {"classify", hostile, hostile},
      {"evaluate", room.source(), hostile, "--per-image", hostile},
      {"preprocess", hostile, hostile, "-o", hostile},
      {"pull", hostile},
      {"pull", "alice/net@" + hostile},
      {"push", hostile, hostile},
      {"help", hostile}};
  for (const std::vector<std::string>& command : commands) {
    SCOPED_TRACE(command[0] + " " + printable(fmt::format("{}", fmt::join(command, " "))));
    std::vector<std::string> offline = {"/usr/bin/env", "HF_HUB_OFFLINE=1"};
    for (const std::string& word : testing::weightlift(command)) offline.push_back(word);
    const Outcome outcome = testing::run_program(offline);
    EXPECT_NE(outcome.out + outcome.err, "");
    for (const std::string& text : {outcome.out, outcome.err}) {
      for (const char* raw : {"\x1b", "\nweightlift: verified", "\xE2\x80\xAE", "\xC2\x9B"}) {
        EXPECT_THAT(text, Not(HasSubstr(raw)));
      }
    }
  }
}

TEST(UsageTest, NamesMissingArguments) {
  EXPECT_THAT(usage_error({"convert", "x"}), HasSubstr("--output is required"));
  EXPECT_THAT(usage_error({"verify", "x"}), HasSubstr("FOLDER is required"));
  EXPECT_THAT(usage_error({"inspect"}), HasSubstr("SOURCE is required"));
}

TEST(UsageTest, ChecksValues) {
  EXPECT_THAT(usage_error({"convert", "x", "-o", "y", "--dtype", "float15"}),
              HasSubstr("--dtype: float15 not in {keep,float32,float16,bfloat16}"));
  EXPECT_THAT(usage_error({"convert", "x", "-o", "y", "--head", "some"}),
              HasSubstr("--head: some not in"));
  EXPECT_THAT(usage_error({"convert", "x", "-o", "y", "--samples", "0"}), HasSubstr("--samples"));
  EXPECT_THAT(usage_error({"convert", "x", "-o", "y", "--samples", "many"}),
              HasSubstr("--samples"));
  for (const char* tolerance : {"-1", "nan", "inf", "x"}) {
    EXPECT_THAT(usage_error({"convert", "x", "-o", "y", "--rtol", tolerance}),
                HasSubstr("--rtol: expected a number >= 0, got '"));
  }
  EXPECT_THAT(usage_error({"convert", "x", "y", "-o", "z", "--name", "n"}),
              HasSubstr("--name: expected one SOURCE, got 2"));
}

TEST(UsageTest, RefusesToPublishAStateDict) {
  EXPECT_THAT(usage_error({"convert", "x", "-o", "y", "--to", "torchvision", "--push-to-hub"}),
              HasSubstr("--push-to-hub: cannot be combined with --to torchvision, which writes "
                        "only a state dict\n"));
}

TEST(UsageTest, OneNameNeedsOneSource) {
  EXPECT_THAT(usage_error({"convert", "resnet18", "resnet34", "-o", "y", "--repo-id", "a/b"}),
              HasSubstr("--repo-id: expected one SOURCE, got 2"));
  EXPECT_THAT(usage_error({"convert", "-o", "y", "--name", "n"}),
              HasSubstr("--name: expected one SOURCE, got 6"));
  EXPECT_THAT(usage_error({"convert", "resnet18", "--all", "-o", "y"}),
              HasSubstr("--all: cannot be combined with SOURCE\n"));
}

TEST(UsageTest, RefusesTheOldScriptsTrueAsSource) {
  EXPECT_THAT(usage_error({"convert", "--model_name", "resnet18", "--pytorch_dump_folder_path", "y",
                           "--push_to_hub", "True"}),
              HasSubstr("--push_to_hub True: the value needs an '='; write --push_to_hub=True\n"));
}

TEST(UsageTest, RefusesToPublishUnverifiedModels) {
  const Room room;
  EXPECT_THAT(
      usage_error({"convert", room.source(), "-o", room.out(), "--push-to-hub", "--no-verify"}),
      HasSubstr("--push-to-hub: publishes only verified models; omit --no-verify\n"));
  EXPECT_THAT(names_in(room.out()), IsEmpty());
}

TEST(UsageTest, SuggestsTheNearestModel) {
  EXPECT_THAT(refusal_of({"convert", "resnet51", "-o", "out"}, 3),
              HasSubstr("resnet51: no such file, folder or timm model; did you mean resnet50, "));
  EXPECT_THAT(refusal_of({"convert", "x.safetensors", "-o", "out"}, 3),
              HasSubstr("x.safetensors: no such file or folder"));
}

TEST(UsageTest, JsonOfAWrongOptionIsOneObject) {
  const Outcome outcome = run_weightlift({"convert", "x", "-o", "y", "--forse", "--json"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(count_errors(outcome.err), 1);
  const auto lines = json_lines(outcome.out);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["type"], "convert");
  EXPECT_EQ(lines[0]["status"], "failed");
  EXPECT_EQ(lines[0]["error"]["kind"], "usage");
  EXPECT_EQ(lines[0]["error"]["message"], "unknown option '--forse'; did you mean --force?");
  EXPECT_EQ(json_lines(run_weightlift({"nosuch", "--json"}).out).at(0)["type"], "weightlift");
}

TEST(OldScriptTest, ItsOptionsStillWork) {
  const Room room;
  const Outcome outcome =
      run_weightlift({"convert", "--model_name", room.source(), "--pytorch_dump_folder_path",
                      room.out(), "--push_to_hub=False"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(names_in(room.out()), ElementsAre("small"));
}

/// The examples at the end of a command's help, each as one line for a shell.
std::vector<std::string> examples_of(const std::string& command) {
  const std::string help = help_of(command);
  const std::string title = "\nExamples:\n";
  const std::size_t begin = help.find(title);
  EXPECT_NE(begin, std::string::npos) << command;
  std::string text = begin == std::string::npos ? "" : help.substr(begin + title.size());
  replace_all(text, " \\\n    ", " ");
  std::istringstream lines(text);
  std::vector<std::string> examples;
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty()) examples.push_back(line.substr(line.find_first_not_of(' ')));
  }
  return examples;
}

TEST(HelpTest, ListsAllCommands) {
  EXPECT_THAT(all_commands(), ElementsAre("convert", "batch", "verify", "diff", "inspect", "models",
                                          "preprocess", "classify", "evaluate", "pull", "push",
                                          "env", "completion", "man", "version", "help"));
}

TEST(HelpTest, FitsIn80Columns) {
  std::vector<std::string> commands = all_commands();
  std::string all = run_weightlift({"--help"}).out;
  for (const std::string& command : commands) all += help_of(command);
  std::istringstream lines(all);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
}

TEST(HelpTest, HelpCommandShowsTheSameHelp) {
  const Outcome help = run_weightlift({"help"});
  EXPECT_EQ(help.exit_code, 0) << help.err;
  EXPECT_EQ(help.out, run_weightlift({"--help"}).out);
  for (const std::string& command : all_commands()) {
    const Outcome one = run_weightlift({"help", command});
    EXPECT_EQ(one.exit_code, 0) << one.err;
    EXPECT_EQ(one.out, help_of(command));
  }
}

TEST(HelpTest, HelpCommandRefusesUnknownCommands) {
  EXPECT_EQ(usage_error({"help", "nosuch"}),
            "weightlift: error: unknown command 'nosuch'; see weightlift --help\n");
  EXPECT_EQ(usage_error({"help", "convrt"}),
            "weightlift: error: unknown command 'convrt'; did you mean convert?\n");
  EXPECT_THAT(usage_error({"help", "convert", "more"}), HasSubstr("unexpected argument 'more'"));
}

TEST(HelpTest, VersionCommandPrintsTheVersion) {
  const Outcome version = run_weightlift({"version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_EQ(version.err, "");
  EXPECT_EQ(version.out, run_weightlift({"--version"}).out);
}

/// Runs the program with these settings ("NAME=value"), and without the caller's color settings.
std::vector<std::string> with_settings(const std::vector<std::string>& settings,
                                       const std::vector<std::string>& arguments) {
  std::vector<std::string> command = {"/usr/bin/env", "-u", "NO_COLOR", "-u", "FORCE_COLOR"};
  command.insert(command.end(), settings.begin(), settings.end());
  const std::vector<std::string> program = testing::weightlift(arguments);
  command.insert(command.end(), program.begin(), program.end());
  return command;
}

/// A folder with what the examples expect: examples/, a converted model, and files by their names.
class HelpExampleTest : public ::testing::Test {
 protected:
  HelpExampleTest() {
    const fs::path examples = fs::path(WEIGHTLIFT_SOURCE_DIR) / "examples";
    fs::copy(examples, dir / "examples", fs::copy_options::recursive);
    fs::copy(examples / "digits/test", dir / "labelled", fs::copy_options::recursive);
    for (const char* name : {"model_best.pth.tar", "epoch_10.pth", "epoch_11.pth"}) {
      fs::copy_file(examples / "checkpoints/model_best.pth.tar", dir / name);
    }
    write_file(dir / "labels.csv", "file,label\nexamples/digits/images/three.png,three\n");
    EXPECT_EQ(shell("weightlift convert examples/digits -o out").exit_code, 0);
  }

  /// Runs a line in the folder, offline.
  Outcome shell(const std::string& line) const {
    const std::string home = (dir / "home").string();
    return testing::run_program(
        {"/usr/bin/env", "-C", dir.path().string(), "HF_HUB_OFFLINE=1", "HF_HOME=" + home,
         "TORCH_HOME=" + home, "HF_TOKEN=hf_alice_write", "/bin/sh", "-c",
         fmt::format("PATH='{}':$PATH; {}", fs::path(WEIGHTLIFT_PROGRAM).parent_path().string(),
                     line)});
  }

  TempDir dir;
};

/// Whether an example names a model of the Hub.
bool needs_the_hub(const std::string& example) {
  for (const char* name : {" me/", " microsoft/", " timm/", " resnet18 ", " resnet50.a1_in1k "}) {
    if (example.find(name) != std::string::npos) return true;
  }
  return false;
}

TEST_F(HelpExampleTest, RunOrFailOnlyForTheHub) {
  for (const std::string& command : all_commands()) {
    const std::vector<std::string> examples = examples_of(command);
    EXPECT_THAT(examples, Not(IsEmpty())) << command;
    for (const std::string& example : examples) {
      EXPECT_THAT(example, ::testing::StartsWith("weightlift " + command));
      const Outcome outcome = shell(example);
      EXPECT_EQ(outcome.exit_code, needs_the_hub(example) ? 5 : 0) << example << outcome.err;
    }
  }
}

TEST(EnvTest, PrintsVersionsAndSettings) {
  const Outcome outcome =
      testing::run_program(with_settings({"HF_TOKEN=hf_secret", "HF_HOME=/tmp/h"}, {"env"}));
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.err, "");
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("weightlift: "), HasSubstr("\nonednn: "),
                                 HasSubstr("\nkernel: "), HasSubstr("\ncache: /tmp/h/hub\n"),
                                 HasSubstr("\ntoken: set\n"), Not(HasSubstr("hf_secret"))));
}

TEST(EnvTest, JsonIsOneObject) {
  const Outcome outcome = testing::run_program(
      with_settings({"HF_TOKEN=hf_secret", "HF_HUB_OFFLINE=1", "HF_ENDPOINT=http://127.0.0.1:9"},
                    {"env", "--json"}));
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, Not(HasSubstr("hf_secret")));
  const auto lines = json_lines(outcome.out);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["schema"], "weightlift/1");
  EXPECT_EQ(lines[0]["type"], "env");
  EXPECT_EQ(lines[0]["status"], "ok");
  for (const char* name :
       {"weightlift", "onednn", "transformers", "commit", "instruction_set", "compiler", "system",
        "kernel", "processor", "threads", "memory", "cache"}) {
    EXPECT_TRUE(lines[0].contains(name)) << name;
  }
  EXPECT_EQ(lines[0]["token"], "set");
  EXPECT_EQ(lines[0]["offline"], true);
  EXPECT_EQ(lines[0]["endpoint"], "http://127.0.0.1:9");
}

TEST(EnvTest, NamesTheCommitOfTheBuild) {
  const auto json = json_lines(run_weightlift({"env", "--json"}).out).at(0);
  EXPECT_THAT(json["commit"].get<std::string>(), MatchesRegex("[0-9a-f]{7,40}|unknown"));
}

TEST(EnvTest, NamesTheInstructionSetThatOneDnnUses) {
  const Outcome outcome =
      testing::run_program(with_settings({"ONEDNN_MAX_CPU_ISA=SSE41"}, {"env", "--json"}));
  const auto json = json_lines(outcome.out).at(0);
  const bool x86 = json["kernel"].get<std::string>().ends_with(" x86_64");
  EXPECT_EQ(json["instruction_set"], x86 ? "sse41" : "default");
}

TEST(EnvTest, HelpNamesTheVersionOfTransformers) {
  const auto json = json_lines(run_weightlift({"env", "--json"}).out).at(0);
  EXPECT_THAT(help_of("env"),
              HasSubstr("match transformers " + json["transformers"].get<std::string>()));
}

const std::string kPlain = "weightlift: error: nosuch.pth: no such file or folder\n";
const std::string kColored =
    "weightlift: \x1b[1;31merror:\x1b[0m nosuch.pth: no such file or folder\n";

/// The error of a missing file, on a pipe.
std::string error_with(const std::vector<std::string>& settings) {
  return testing::run_program(with_settings(settings, {"inspect", "nosuch.pth"})).err;
}

TEST(ColorTest, FollowsNoColorAndForceColor) {
  EXPECT_EQ(error_with({}), kPlain);
  EXPECT_EQ(error_with({"FORCE_COLOR=1"}), kColored);
  EXPECT_EQ(error_with({"FORCE_COLOR=0"}), kPlain);
  EXPECT_EQ(error_with({"FORCE_COLOR="}), kPlain);
  EXPECT_EQ(error_with({"NO_COLOR=1"}), kPlain);
  EXPECT_EQ(error_with({"NO_COLOR=1", "FORCE_COLOR=1"}), kPlain);
  EXPECT_EQ(error_with({"NO_COLOR=", "FORCE_COLOR=1"}), kColored);
}

/// The same error on a terminal, with its line breaks as the program wrote them.
std::string error_on_terminal(const std::vector<std::string>& settings) {
  std::string text =
      testing::run_with_terminal(with_settings(settings, {"inspect", "nosuch.pth"})).err;
  replace_all(text, "\r\n", "\n");
  return text;
}

TEST(ColorTest, FollowsTheTerminal) {
  EXPECT_EQ(error_on_terminal({"TERM=xterm"}), kColored);
  EXPECT_EQ(error_on_terminal({"TERM=xterm", "NO_COLOR=1"}), kPlain);
  EXPECT_EQ(error_on_terminal({"TERM=dumb"}), kPlain);
}

TEST(ColorTest, IsAbsentFromJson) {
  const Room room;
  const Outcome outcome = testing::run_program(
      with_settings({"FORCE_COLOR=1"}, {"convert", room.source(), "-o", room.out(), "--json"}));
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err, HasSubstr("\x1b[33mwarning:\x1b[0m no labels"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("\x1b")));
}

TEST(LogFileTest, KeepsTimeLevelAndMessageOfAllRuns) {
  const Room room;
  const std::string file = room.dir / "log";
  const Outcome quiet =
      run_weightlift({"convert", room.source(), "-o", room.out(), "-q", "--log-file", file});
  EXPECT_EQ(quiet.exit_code, 0);
  EXPECT_EQ(quiet.err, "");
  const Outcome failed = run_weightlift({"inspect", "nosuch.pth", "--log-file", file});
  EXPECT_EQ(failed.exit_code, 3);
  const std::string log = read_file(file);
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_THAT(line, MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z "
                                   "(error|warning|note|detail): .+"));
  }
  EXPECT_THAT(log, AllOf(HasSubstr("Z warning: no labels for the 5 classes; "),
                         HasSubstr("Z note: crop matches timm for square images; "),
                         HasSubstr("Z detail: conv1 -> resnet.embedder.embedder.convolution  "),
                         HasSubstr("Z error: nosuch.pth: no such file or folder\n"),
                         Not(HasSubstr("\x1b"))));
}

TEST(LogFileTest, RefusesAPlaceThatCannotBeWritten) {
  const TempDir dir;
  const std::string file = dir / "missing/log";
  EXPECT_EQ(refusal_of({"models", "--log-file", file}, 3),
            fmt::format("weightlift: error: {}: cannot open the log file: No such file or "
                        "directory\n",
                        file));
  const auto lines = json_lines(run_weightlift({"models", "--json", "--log-file", file}).out);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["type"], "models");
  EXPECT_EQ(lines[0]["error"]["kind"], "not_found");
}

}  // namespace
}  // namespace weightlift
