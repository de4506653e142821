// Words on the command line that are right, nearly right and wrong.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/program.h"
#include "weightlift/base/error.h"

namespace weightlift {
namespace {

using ::testing::AllOf;
using testing::count_errors;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::names_in;
using testing::Outcome;
using testing::Room;
using testing::run_weightlift;

/// The error that these arguments end with; nothing is printed besides.
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

TEST(UsageTest, VersionAndHelpAreResults) {
  const Outcome version = run_weightlift({"--version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_THAT(version.out, ::testing::MatchesRegex("weightlift [0-9]+\\.[0-9]+\\.[0-9]+\n"));
  EXPECT_EQ(version.err, "");
  const Outcome help = run_weightlift({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_THAT(help.out, AllOf(HasSubstr("convert"), HasSubstr("verify"), HasSubstr("inspect"),
                              HasSubstr("models")));
}

// Loading libcurl takes as long as all else at the start: only the Hub's commands may wait for it.
TEST(UsageTest, OnlyTheHubNeedsLibcurl) {
  const testing::TempDir dir;
  testing::write_file(dir / "libcurl.so.4", std::string(100, 'x'));
  const auto run = [&](const std::vector<std::string>& arguments) {
    std::vector<std::string> command = testing::weightlift(arguments);
    command.insert(command.begin(),
                   {"/usr/bin/env", "LD_LIBRARY_PATH=" + dir.path().string(), "HF_ENDPOINT="});
    return testing::run_program(command);
  };
  const Outcome version = run({"--version"});
  EXPECT_EQ(version.exit_code, 0) << version.err;
  const Outcome pull = run({"pull", "alice/net"});
  EXPECT_EQ(pull.exit_code, static_cast<int>(ExitCode::kHub)) << pull.err;
  EXPECT_THAT(pull.err, HasSubstr("libcurl.so.4: library: expected one that loads, got none: "));
  EXPECT_THAT(pull.err, HasSubstr("; install the package libcurl4\n"));
  EXPECT_EQ(count_errors(pull.err), 1) << pull.err;
}

TEST(UsageTest, HelpNamesDefaults) {
  const Outcome help = run_weightlift({"convert", "--help"});
  EXPECT_EQ(help.exit_code, 0);
  for (const char* text : {"--rtol", "--atol", "--head", "keep", "--image-processor", "source-test",
                           "--pytorch_dump_folder_path", "--model_name", "--push_to_hub"}) {
    EXPECT_THAT(help.out, HasSubstr(text));
  }
}

TEST(UsageTest, ACommandIsNeeded) {
  EXPECT_THAT(usage_error({}), HasSubstr("see weightlift --help"));
}

TEST(UsageTest, UnknownWordsGetTheNearestSpelling) {
  EXPECT_EQ(
      usage_error({"convrt"}),
      "weightlift: error: convrt: expected a command, got one that is not known; did you mean "
      "convert?\n");
  EXPECT_EQ(usage_error({"convert", "x", "-o", "y", "--forse"}),
            "weightlift: error: --forse: expected a flag, got one that is not known; did you mean "
            "--force?\n");
  EXPECT_THAT(
      usage_error({"convert", "--output=x", "--dtyp=float16"}),
      HasSubstr("--dtyp: expected a flag, got one that is not known; did you mean --dtype?"));
  EXPECT_THAT(usage_error({"convert", "--outpt", "x"}), HasSubstr("did you mean --output?"));
  EXPECT_THAT(usage_error({"models", "--jsn"}), HasSubstr("did you mean --json?"));
  EXPECT_THAT(usage_error({"--versio"}), HasSubstr("did you mean --version?"));
  EXPECT_THAT(usage_error({"convert", "--pytorch_dump_folder", "x"}),
              HasSubstr("did you mean --pytorch_dump_folder_path?"));
}

TEST(UsageTest, UnknownWordsWithoutANeighbourGetTheHelp) {
  EXPECT_THAT(
      usage_error({"convert", "x", "-o", "y", "-z"}),
      HasSubstr("-z: expected a flag, got one that is not known; see weightlift convert --help"));
  EXPECT_THAT(usage_error({"somethingelse"}), HasSubstr("see weightlift --help"));
  EXPECT_THAT(
      usage_error({"verify", "a", "b", "c"}),
      HasSubstr("c: expected no further argument, got one too many; see weightlift verify --help"));
}

TEST(UsageTest, HostileWordsStayOnOneLine) {
  EXPECT_THAT(usage_error({"convert", "--a\nb\x1b[2J"}),
              HasSubstr("--a\\x0ab\\x1b[2J: expected a flag"));
}

TEST(UsageTest, MissingWordsAreNamed) {
  EXPECT_THAT(usage_error({"convert", "x"}), HasSubstr("--output is required"));
  EXPECT_THAT(usage_error({"verify", "x"}), HasSubstr("FOLDER is required"));
  EXPECT_THAT(usage_error({"inspect"}), HasSubstr("SOURCE is required"));
}

TEST(UsageTest, ValuesAreChecked) {
  EXPECT_THAT(usage_error({"convert", "x", "-o", "y", "--dtype", "float15"}),
              HasSubstr("--dtype: float15 not in {keep,float32,float16,bfloat16}"));
  EXPECT_THAT(usage_error({"convert", "x", "-o", "y", "--head", "some"}),
              HasSubstr("--head: some not in"));
  EXPECT_THAT(usage_error({"convert", "x", "-o", "y", "--samples", "0"}), HasSubstr("--samples"));
  EXPECT_THAT(usage_error({"convert", "x", "-o", "y", "--samples", "many"}),
              HasSubstr("--samples"));
  for (const char* tolerance : {"-1", "nan", "inf", "x"}) {
    EXPECT_THAT(usage_error({"convert", "x", "-o", "y", "--rtol", tolerance}),
                HasSubstr("expected a number from 0 on"));
  }
  EXPECT_THAT(usage_error({"convert", "x", "y", "-o", "z", "--name", "n"}),
              HasSubstr("--name: expected one SOURCE, got 2"));
}

TEST(UsageTest, AStateDictAloneIsNotPublished) {
  EXPECT_THAT(usage_error({"convert", "x", "-o", "y", "--to", "torchvision", "--push-to-hub"}),
              HasSubstr("--push-to-hub: expected a model's folder, got --to torchvision"));
}

TEST(UsageTest, OneSourceForOneName) {
  EXPECT_THAT(usage_error({"convert", "resnet18", "resnet34", "-o", "y", "--repo-id", "a/b"}),
              HasSubstr("--repo-id: expected one SOURCE, got 2"));
  EXPECT_THAT(usage_error({"convert", "-o", "y", "--name", "n"}),
              HasSubstr("--name: expected one SOURCE, got 6"));
  EXPECT_THAT(usage_error({"convert", "resnet18", "--all", "-o", "y"}),
              HasSubstr("--all: expected no SOURCE beside it"));
}

TEST(UsageTest, TheOldScriptsTrueIsNoSource) {
  EXPECT_THAT(usage_error({"convert", "--model_name", "resnet18", "--pytorch_dump_folder_path", "y",
                           "--push_to_hub", "True"}),
              HasSubstr("--push_to_hub True: expected the value behind '=', got a word of its own; "
                        "--push_to_hub=True"));
}

TEST(UsageTest, NothingUnverifiedIsPublished) {
  const Room room;
  EXPECT_THAT(
      usage_error({"convert", room.source(), "-o", room.out(), "--push-to-hub", "--no-verify"}),
      HasSubstr("nothing is published that was not verified"));
  EXPECT_THAT(names_in(room.out()), IsEmpty());
}

TEST(UsageTest, UnknownModelsGetTheNearest) {
  EXPECT_THAT(
      refusal_of({"convert", "resnet51", "-o", "out"}, 2),
      HasSubstr("resnet51: expected a file, a folder or a name of timm's registry, got none of "
                "these; did you mean resnet50, "));
  EXPECT_THAT(refusal_of({"convert", "x.safetensors", "-o", "out"}, 3),
              HasSubstr("x.safetensors: no such file or folder"));
}

TEST(OldScriptTest, ItsFlagsStillWork) {
  const Room room;
  const Outcome outcome =
      run_weightlift({"convert", "--model_name", room.source(), "--pytorch_dump_folder_path",
                      room.out(), "--push_to_hub=False"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(names_in(room.out()), ElementsAre("small"));
}

}  // namespace
}  // namespace weightlift
