#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/cli/program.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using testing::count_errors;
using ::testing::HasSubstr;
using testing::json_lines;
using ::testing::Not;
using testing::Outcome;
using testing::read_file;
using testing::run_weightlift;
using ::testing::StartsWith;
using testing::TempDir;
using testing::write_file;

const fs::path kDigits = fs::path(WEIGHTLIFT_SOURCE_DIR) / "examples/digits";

struct Studio : testing::DigitsRoom {
  Outcome run(const std::vector<std::string>& arguments) const {
    return DigitsRoom::run("classify", arguments);
  }
};

TEST(ClassifyCommandTest, PrintsATable) {
  const Studio studio;
  const std::string path = studio.save("a.png", "nine");
  const Outcome outcome = studio.run({path, "--top-k", "2"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, path +
                             "\n  0.5042  ##########            nine\n"
                             "  0.3786  ########              eight\n");
  EXPECT_EQ(outcome.err, "");
}

TEST(ClassifyCommandTest, JsonIsOneLinePerImage) {
  const Studio studio;
  const std::string one = studio.save("one.png", "one");
  const std::string text = studio.dir / "text.png";
  write_file(text, "no image");
  const Outcome outcome = studio.run({one, text, studio.save("two.png", "two"), "--json"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(count_errors(outcome.err), 1) << outcome.err;
  const auto lines = json_lines(outcome.out);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0].size(), 7U);
  EXPECT_EQ(lines[0]["schema"], "weightlift/1");
  EXPECT_EQ(lines[0]["type"], "classify");
  EXPECT_EQ(lines[0]["source"], (studio.dir / "digits").string());
  EXPECT_EQ(lines[0]["status"], "ok");
  EXPECT_EQ(lines[0]["image"], one);
  EXPECT_EQ(lines[0]["notes"], nlohmann::json::array());
  ASSERT_EQ(lines[0]["predictions"].size(), 5U);
  EXPECT_EQ(lines[0]["predictions"][0]["label"], "one");
  EXPECT_EQ(lines[0]["predictions"][0]["id"], 1);
  EXPECT_GT(lines[0]["predictions"][0]["score"], 0.9);
  EXPECT_EQ(lines[0]["predictions"][0].size(), 3U);
  EXPECT_EQ(lines[1].size(), 7U);
  EXPECT_EQ(lines[1]["status"], "failed");
  EXPECT_EQ(lines[1]["image"], text);
  EXPECT_EQ(lines[1]["error"]["kind"], "invalid_format");
  EXPECT_EQ(lines[1]["error"]["where"], text);
  EXPECT_THAT(lines[1]["error"]["message"], StartsWith("not a JPEG, PNG"));
  EXPECT_EQ(lines[2]["predictions"][0]["label"], "two");
}

TEST(ClassifyCommandTest, ReadsFoldersAndStandardInput) {
  const Studio studio;
  studio.save("in/b.png", "two");
  studio.save("in/a.dat", "one");
  write_file(studio.dir / "in/notes.txt", "of no use");
  const Outcome outcome = studio.run({studio.dir / "in", "--top-k", "1", "--json"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err, HasSubstr("in: skipped 1 entry that is not an image\n"));
  const auto lines = json_lines(outcome.out);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0]["predictions"][0]["label"], "one");
  EXPECT_EQ(lines[1]["predictions"][0]["label"], "two");
  const Outcome piped = testing::run_program(
      {"/bin/sh", "-c",
       std::string(WEIGHTLIFT_PROGRAM) + " classify '" + (studio.dir / "digits").string() +
           "' - --top-k 1 < '" + (studio.dir / "in/b.png").string() + "'"});
  EXPECT_THAT(piped.out, AllOf(HasSubstr("-\n"), HasSubstr("two\n")));
}

TEST(ClassifyCommandTest, BrokenImagesOfAFolderAreReported) {
  const Studio studio;
  studio.save("in/a.png", "one");
  write_file(studio.dir / "in/b.jpg", "no image");
  fs::create_symlink("gone", studio.dir / "in/c.png");
  const Outcome outcome = studio.run({studio.dir / "in", "--json"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(count_errors(outcome.err), 2) << outcome.err;
  EXPECT_EQ(json_lines(outcome.out).size(), 3U);
}

TEST(ClassifyCommandTest, AHeaderAloneTakesNoMemory) {
  const Studio studio;
  // A PNG of 2^31 - 1 pixels on each side, RGBA, without any data.
  const std::string bomb(
      "\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff\x08\x06\0\0\0\x14\xc9\x0b"
      "\x66"
      "\0\0\0\0IDAT\x35\xaf\x06\x1e",
      45);
  write_file(studio.dir / "bomb.png", bomb);
  const Outcome outcome = studio.run({studio.dir / "bomb.png"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.err, HasSubstr("at most 178956970 pixels, got 2147483647 x 2147483647"));
  EXPECT_LT(outcome.peak_kib, 200 * 1024);
}

TEST(ClassifyCommandTest, ReportsClosedStandardInput) {
  const Studio studio;
  const Outcome outcome =
      testing::run_program({"/bin/sh", "-c",
                            "exec '" + std::string(WEIGHTLIFT_PROGRAM) + "' classify '" +
                                (studio.dir / "digits").string() + "' - <&-"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.err, HasSubstr("standard input: cannot read: Bad file descriptor\n"));
}

TEST(ClassifyCommandTest, ASignalEndsTheWaitForStandardInput) {
  const Studio studio;
  const std::string pipe = studio.dir / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  for (const auto& [signal, exit_code] : {std::pair{SIGINT, 130}, std::pair{SIGTERM, 143}}) {
    const int input = open(pipe.c_str(), O_RDWR);
    ASSERT_GE(input, 0);
    testing::Process process({"/bin/sh", "-c",
                              "exec '" + std::string(WEIGHTLIFT_PROGRAM) + "' classify '" +
                                  (studio.dir / "digits").string() + "' - < '" + pipe + "'"});
    ASSERT_EQ(write(input, "x", 1), 1);
    const auto pause = [] { std::this_thread::sleep_for(std::chrono::milliseconds(10)); };
    for (int unread = 1; unread > 0 && process.is_running(); pause()) {
      ASSERT_EQ(ioctl(input, FIONREAD, &unread), 0);
    }
    process.signal(signal);
    for (int i = 0; i < 1000 && process.is_running(); ++i) pause();
    EXPECT_FALSE(process.is_running());
    close(input);
    EXPECT_EQ(process.wait().exit_code, exit_code);
  }
}

TEST(ClassifyCommandTest, ControlCharactersDoNotReachTheTerminal) {
  const Studio studio;
  const fs::path config = studio.dir / "digits/config.json";
  write_file(config, testing::merged(read_file(config), R"({"id2label": {"1": "\u001b[31mred"}})"));
  const std::string evil = studio.save("evil\033[2J\n.png", "one");
  const Outcome outcome = studio.run({evil});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(Not(HasSubstr("\033")), HasSubstr("\\x1b[31mred")));
  EXPECT_EQ(std::ranges::count(outcome.out, '\n'), 6);
  EXPECT_EQ(json_lines(studio.run({evil, "--json"}).out).at(0)["image"], evil);
  const std::string latin = studio.save("caf\xE9.png", "one");
  EXPECT_EQ(json_lines(studio.run({latin, "--json"}).out).size(), 1U);
}

TEST(ClassifyCommandTest, RefusesWrongArguments) {
  const Studio studio;
  const std::string one = studio.save("one.png", "one");
  const auto refused = [&](const std::vector<std::string>& arguments, int exit_code) {
    const Outcome outcome = studio.run(arguments);
    EXPECT_EQ(outcome.exit_code, exit_code);
    EXPECT_EQ(outcome.out, "");
    return outcome.err;
  };
  EXPECT_THAT(refused({one, "-"}, 2), HasSubstr("-: standard input must be the only image\n"));
  EXPECT_THAT(refused({one, "--top-k", "0"}, 2), HasSubstr("--top-k"));
  EXPECT_THAT(
      refused({one, "--max-pixels", "100"}, 3),
      HasSubstr("one.png: expected at most 100 pixels, got 32 x 32; raise the pixel limit"));
  fs::create_directory(studio.dir / "empty");
  EXPECT_THAT(refused({studio.dir / "empty"}, 3),
              HasSubstr("empty: no images in this folder, 0 other entries\n"));
}

TEST(ClassifyCommandTest, RefusesAMissingFolder) {
  const TempDir dir;
  const std::string folder = dir / "none";
  const Outcome text = run_weightlift({"classify", folder, "a.png"});
  EXPECT_EQ(text.exit_code, 3);
  EXPECT_EQ(text.out, "");
  EXPECT_EQ(text.err, "weightlift: error: " + folder +
                          ": no such model folder; give a folder, or a repository as "
                          "OWNER/NAME\n");
  const Outcome json = run_weightlift({"classify", folder, "a.png", "--json"});
  EXPECT_EQ(json.exit_code, 3);
  const auto lines = json_lines(json.out);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["source"], folder);
  EXPECT_EQ(lines[0]["status"], "failed");
  EXPECT_EQ(lines[0]["error"]["kind"], "not_found");
  EXPECT_EQ(lines[0]["error"]["where"], folder);
}

TEST(ClassifyCommandTest, SuggestsACommandWithQuotedPaths) {
  const TempDir dir;
  const std::string folder = dir / "my net";
  testing::small_checkpoint().write_folder(folder);
  const Outcome outcome = run_weightlift({"classify", folder, "a.png"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.err,
              HasSubstr("; convert it first: weightlift convert '" + folder + "' -o DIR\n"));
}

}  // namespace
}  // namespace weightlift
