// Conversions that are killed at any moment: under the folder's name is nothing, the old folder, or
// the complete new one.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "tests/cli/program.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using testing::files_of;
using testing::names_in;
using testing::Process;
using testing::Room;
using testing::run_weightlift;
using testing::weightlift;
using Clock = std::chrono::steady_clock;
using Files = std::map<std::string, std::string>;

constexpr int kMoments = 100;
constexpr int kMomentsPerMeasure = 10;

class KillTest : public ::testing::Test {
 protected:
  /// The files of a run that ends normally.
  Files reference() {
    EXPECT_EQ(run_weightlift(command()).exit_code, 0);
    return files_of(room_.folder());
  }
  std::vector<std::string> command() const {
    return {"convert", room_.source(), "-o", room_.out(), "-q", "--force"};
  }
  /// The time of a whole run, now; then calls `restore`.
  template <class Restore>
  Clock::duration measure(Restore&& restore) {
    const Clock::time_point start = Clock::now();
    EXPECT_EQ(run_weightlift(command()).exit_code, 0);
    const Clock::duration duration = Clock::now() - start;
    restore();
    return duration;
  }
  /// Kills runs at moments spread over a whole run. Calls `look` after each.
  template <class Restore, class Look>
  void kill_everywhere(const std::vector<std::string>& arguments, Restore&& restore, Look&& look) {
    Clock::duration whole{};
    for (int i = 0; i < kMoments; ++i) {
      // The moments of ten kills lie between those of the next ten; each ten has a new measure.
      if (i % kMomentsPerMeasure == 0) whole = measure(restore);
      const int moment = i % kMomentsPerMeasure * kMomentsPerMeasure + i / kMomentsPerMeasure;
      const Clock::time_point start = Clock::now();
      Process process(weightlift(arguments));
      std::this_thread::sleep_until(start + whole * moment / (kMoments - 1));
      process.signal(SIGKILL);
      process.wait();
      for (const std::string& name : names_in(room_.out())) left_ += name.starts_with(".") ? 1 : 0;
      look();
    }
  }
  Room room_;
  int left_ = 0;  ///< dot-folders seen after kills
};

TEST_F(KillTest, LeavesNothingOrACompleteFolder) {
  const Files complete = reference();
  const auto remove = [&] { fs::remove_all(room_.folder()); };
  remove();
  kill_everywhere({"convert", room_.source(), "-o", room_.out(), "-q"}, remove, [&] {
    if (!fs::exists(room_.folder())) return;
    EXPECT_EQ(files_of(room_.folder()), complete);
    remove();
  });
  EXPECT_GT(left_, 0) << "no kill came while a folder was built";
  EXPECT_EQ(run_weightlift(command()).exit_code, 0);
  EXPECT_THAT(names_in(room_.out()), ElementsAre("small"));
}

TEST_F(KillTest, WithForceLeavesTheOldOrTheNewFolder) {
  const Files old = reference();
  testing::small_checkpoint(LayerType::kBasic, 2).write_folder(room_.source());
  const Files fresh = reference();
  ASSERT_NE(old, fresh);
  const auto restore = [&] {
    for (const auto& [name, bytes] : old) testing::write_file(room_.folder() / name, bytes);
  };
  restore();
  kill_everywhere(command(), restore, [&] {
    const Files now = files_of(room_.folder());
    EXPECT_TRUE(now == old || now == fresh);
    restore();
  });
  EXPECT_GT(left_, 0) << "no kill came while a folder was built";
  EXPECT_EQ(run_weightlift(command()).exit_code, 0);
  EXPECT_EQ(files_of(room_.folder()), fresh);
  EXPECT_THAT(names_in(room_.out()), ElementsAre("small"));
  EXPECT_EQ(run_weightlift({"verify", room_.source(), room_.folder()}).exit_code, 0);
}

}  // namespace
}  // namespace weightlift
