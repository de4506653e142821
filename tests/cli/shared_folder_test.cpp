// Several runs in one output folder, on a file system that does not share locks between machines.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/cli/program.h"

namespace weightlift {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::names_in;
using ::testing::Not;
using testing::Outcome;
using testing::Process;
using testing::Room;
using ::testing::SizeIs;
using testing::weightlift;
using testing::write_file;

class SharedFolderTest : public ::testing::Test {
 protected:
  /// A conversion on a machine whose boot id is `boot_id`, the real one where it is empty.
  std::vector<std::string> command(const std::string& name, const std::string& boot_id) {
    std::vector<std::string> words = {"/usr/bin/env", "LD_PRELOAD=" WEIGHTLIFT_SHARED_FOLDER_SHIM};
    if (!boot_id.empty()) {
      write_file(room_.dir / boot_id, boot_id + "\n");
      words.push_back("WEIGHTLIFT_TEST_BOOT_ID=" + (room_.dir / boot_id).string());
    }
    for (const std::string& word :
         weightlift({"convert", room_.source(), "-o", room_.out(), "--name", name})) {
      words.push_back(word);
    }
    return words;
  }

  /// Runs of two machines at a time; returns the exit codes that are not 0.
  std::vector<int> convert_in_pairs(const std::string& boot_id) {
    std::vector<int> failed;
    for (int i = 0; i < kPairs; ++i) {
      Process a(command("a" + std::to_string(i), "")), b(command("b" + std::to_string(i), boot_id));
      for (Process* process : {&a, &b}) {
        if (const int code = process->wait().exit_code; code != 0) failed.push_back(code);
      }
    }
    return failed;
  }

  static constexpr int kPairs = 12;
  Room room_;
};

TEST_F(SharedFolderTest, RunsOfOneMachineKeepEachOthersFolders) {
  EXPECT_THAT(convert_in_pairs(""), IsEmpty());
  EXPECT_THAT(names_in(room_.out()), SizeIs(2 * kPairs));
}

TEST_F(SharedFolderTest, RunsOfTwoMachinesKeepEachOthersFolders) {
  EXPECT_THAT(convert_in_pairs("0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"), IsEmpty());
  EXPECT_THAT(names_in(room_.out()), SizeIs(2 * kPairs));
}

TEST_F(SharedFolderTest, AFolderOfAnotherMachineIsListed) {
  const std::string left = ".m.weightlift-0a1b2c3d4e5f-f0000000-1-1-abcdef";
  write_file(room_.dir / "out" / left / "f", "not ours");
  const Outcome outcome = Process(command("m", "")).wait();
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("note: " + room_.out() + ": has temporary folders"));
  EXPECT_THAT(outcome.err, HasSubstr(left));
  EXPECT_THAT(names_in(room_.out()), SizeIs(2));
}

}  // namespace
}  // namespace weightlift
