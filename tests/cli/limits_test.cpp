// The program under limits of the system: few threads, few open files, little memory. Whatever it
// cannot do, it reports, and it leaves nothing unfinished.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/cli/program.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using testing::count_errors;
using testing::DigitsRoom;
using ::testing::HasSubstr;
using testing::names_in;
using ::testing::Not;
using testing::Outcome;
using testing::Room;
using testing::run_weightlift;

/// Runs the program with `threads` threads beside the first.
Outcome run_with_threads(int threads, const std::vector<std::string>& arguments) {
  std::vector<std::string> command = {"/usr/bin/env", "LD_PRELOAD=" WEIGHTLIFT_FEW_THREADS,
                                      fmt::format("WEIGHTLIFT_TEST_THREADS={}", threads)};
  for (const std::string& word : testing::weightlift(arguments)) command.push_back(word);
  return testing::run_program(command);
}

/// Runs the program after `ulimit LIMIT`.
Outcome run_limited(const std::string& limit, const std::vector<std::string>& arguments) {
  std::vector<std::string> command = {"/bin/sh", "-c",
                                      "ulimit -c 0; ulimit " + limit + "; exec \"$@\"", "sh"};
  for (const std::string& word : testing::weightlift(arguments)) command.push_back(word);
  return testing::run_program(command);
}

/// The limit is too low even for the loader, which ends the program before it begins.
bool cannot_load(const Outcome& outcome) {
  return outcome.exit_code == 127 &&
         outcome.err.find("error while loading shared libraries") != std::string::npos;
}

void expect_no_temporary_folder(const fs::path& folder) {
  for (const std::string& name : names_in(folder)) EXPECT_THAT(name, Not(HasSubstr("weightlift-")));
}

constexpr const char* kDigits = WEIGHTLIFT_SOURCE_DIR "/examples/digits";
constexpr const char* kImages = WEIGHTLIFT_SOURCE_DIR "/examples/digits/images";

TEST(ThreadLimitTest, ConvertAndVerifyUseFewer) {
  const Room room;
  for (const int threads : {0, 1, 2, 3, 4, 5, 6, 8, 11, 15, 16, 17}) {
    SCOPED_TRACE(threads);
    const Outcome convert = run_with_threads(
        threads, {"convert", kDigits, "-o", room.out(), "--threads", "8", "--force"});
    EXPECT_EQ(convert.exit_code, 0) << convert.err;
    EXPECT_THAT(convert.out, HasSubstr("logits bit-equal"));
    const Outcome verify =
        run_with_threads(threads, {"verify", kDigits, room.dir / "out/digits", "--threads", "8"});
    EXPECT_EQ(verify.exit_code, 0) << verify.err;
    constexpr int kEnough = 16;  // 7, counted twice, and two for hashing and scanning
    const auto warned = HasSubstr("warning: the system refuses more threads; using ");
    if (threads < kEnough) {
      EXPECT_THAT(convert.err, warned);
    }
    if (threads >= kEnough) {
      EXPECT_THAT(convert.err + verify.err, Not(warned));
    }
  }
  expect_no_temporary_folder(room.out());
}

TEST(ThreadLimitTest, CommandsForImagesUseFewer) {
  const DigitsRoom room;
  for (const char* digit : {"one", "two", "three"}) {
    room.save(fmt::format("exam/{}/a.png", digit), digit);
  }
  const std::string model = room.dir / "digits", exam = room.dir / "exam";
  const std::vector<std::vector<std::string>> commands = {
      {"classify", model, kImages, "--threads", "3"},
      {"evaluate", model, exam, "--threads", "3"},
      {"preprocess", model, kImages, "-o", room.dir / "pixels.safetensors"}};
  for (const std::vector<std::string>& command : commands) {
    const Outcome plenty = run_weightlift(command);
    ASSERT_EQ(plenty.exit_code, 0) << plenty.err;
    for (int threads = 0; threads <= 4; ++threads) {
      SCOPED_TRACE(fmt::format("{} {}", command[0], threads));
      const Outcome outcome = run_with_threads(threads, command);
      EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
      EXPECT_EQ(outcome.out, plenty.out);
      if (threads == 0) {
        EXPECT_THAT(outcome.err, HasSubstr("warning: the system refuses more"));
      }
    }
  }
}

TEST(DescriptorLimitTest, IsOneErrorAndLeavesNothing) {
  const Room room;
  int refused = 0;
  for (int files = 3; files <= 40; ++files) {
    SCOPED_TRACE(files);
    const Outcome outcome = run_limited(fmt::format("-n {}", files),
                                        {"convert", room.source(), "-o", room.out(), "-q"});
    EXPECT_EQ(outcome.signal, 0);
    expect_no_temporary_folder(room.out());
    if (outcome.exit_code == 0) {
      fs::remove_all(room.out());
      continue;
    }
    EXPECT_TRUE(outcome.exit_code == 3 || cannot_load(outcome)) << outcome.err;
    EXPECT_FALSE(fs::exists(room.out())) << outcome.err;
    if (outcome.exit_code == 3) {
      EXPECT_EQ(count_errors(outcome.err), 1) << outcome.err;
    }
    if (outcome.err.find("open files: expected room for 16 more") != std::string::npos) ++refused;
  }
  EXPECT_GT(refused, 0);
}

TEST(MemoryLimitTest, IsExitCode6AndLeavesNothing) {
  const Room room;
  const DigitsRoom digits;
  const std::string model = digits.dir / "digits";
  const std::vector<std::vector<std::string>> commands = {
      {"convert", kDigits, "-o", room.out(), "-q"},
      {"convert", kDigits, "-o", room.out(), "-q", "--threads", "1"},
      {"verify", kDigits, model, "-q"},
      {"classify", model, kImages, "-q"},
      {"preprocess", model, kImages, "-o", room.dir / "pixels.safetensors", "-q"},
      {"inspect", kDigits, "-q"},
      {"diff", kDigits, model, "-q"}};
  int refused = 0;
  for (const std::vector<std::string>& command : commands) {
    for (int mebibytes = 50; mebibytes <= 140; mebibytes += 6) {
      SCOPED_TRACE(fmt::format("{} with {} MiB", fmt::join(command, " "), mebibytes));
      const Outcome outcome = run_limited(fmt::format("-v {}", mebibytes * 1024), command);
      EXPECT_EQ(outcome.signal, 0);
      EXPECT_TRUE(outcome.exit_code == 0 || outcome.exit_code == 6 || cannot_load(outcome))
          << outcome.exit_code << " " << outcome.err;
      refused += outcome.exit_code == 6 ? 1 : 0;
      expect_no_temporary_folder(room.out());
      if (outcome.exit_code != 0) {
        EXPECT_FALSE(fs::exists(room.out()));
      }
      fs::remove_all(room.out());
    }
  }
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace weightlift
