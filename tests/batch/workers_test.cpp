#include "weightlift/batch/workers.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <thread>

#include "tests/support/temp_dir.h"
#include "weightlift/error.h"

namespace weightlift {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Le;
using testing::read_file;
using ::testing::SizeIs;
using testing::TempDir;
using testing::write_file;

class WorkersTest : public ::testing::Test {
 protected:
  WorkersTest() {
    tasks_.count = 6;
    tasks_.need = [](std::size_t) { return std::uint64_t{1}; };
    tasks_.prepare = [] {};
    tasks_.work = [](std::size_t task) { return std::to_string(task * task); };
    tasks_.done = [this](std::size_t task, const WorkerAnswer& answer) {
      EXPECT_TRUE(answers_.emplace(task, answer.text).second) << "twice: " << task;
      if (answer.ended_by) ended_[task] = *answer.ended_by;
    };
    tasks_.check = [] {};
  }
  void run(int jobs, std::uint64_t memory = 1000) { run_in_workers(tasks_, {jobs, memory}); }

  WorkerTasks tasks_;
  std::map<std::size_t, std::string> answers_;
  std::map<std::size_t, int> ended_;
  TempDir dir_;
};

TEST_F(WorkersTest, EachTaskHasOneAnswer) {
  run(3);
  EXPECT_EQ(answers_, (std::map<std::size_t, std::string>{
                          {0, "0"}, {1, "1"}, {2, "4"}, {3, "9"}, {4, "16"}, {5, "25"}}));
}

TEST_F(WorkersTest, WithoutTasksThereIsNothingToDo) {
  tasks_.count = 0;
  run(3);
  EXPECT_THAT(answers_, SizeIs(0));
}

TEST_F(WorkersTest, LargeAnswersArrive) {
  tasks_.work = [](std::size_t task) {
    return std::string(3'000'000, static_cast<char>('a' + task));
  };
  run(2);
  ASSERT_THAT(answers_, SizeIs(6));
  for (const auto& [task, text] : answers_) {
    EXPECT_EQ(text, std::string(3'000'000, static_cast<char>('a' + task)));
  }
}

TEST_F(WorkersTest, AWorkerThatIsKilledOnceLosesNothing) {
  tasks_.work = [this](std::size_t task) {
    const auto mark = dir_ / std::to_string(task);
    if (task % 2 == 0 && !std::filesystem::exists(mark)) {
      write_file(mark, "");
      ::kill(::getpid(), SIGKILL);
    }
    return std::to_string(task);
  };
  run(2);
  EXPECT_THAT(answers_, SizeIs(6));
  EXPECT_TRUE(ended_.empty());
}

TEST_F(WorkersTest, ATaskThatEndsItsWorkerTwiceIsReported) {
  tasks_.work = [](std::size_t task) {
    if (task == 2) ::kill(::getpid(), SIGTERM);
    if (task == 4) ::_exit(9);
    return std::to_string(task);
  };
  run(2);
  EXPECT_THAT(answers_, SizeIs(6));
  EXPECT_EQ(ended_, (std::map<std::size_t, int>{{2, SIGTERM}, {4, 0}}));
}

TEST_F(WorkersTest, TasksTakeTurnsWhereMemoryIsShort) {
  tasks_.need = [](std::size_t) { return std::uint64_t{600}; };
  tasks_.work = [this](std::size_t task) {
    const bool alone = !std::filesystem::exists(dir_ / "busy");
    write_file(dir_ / "busy", "");
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::filesystem::remove(dir_ / "busy");
    return std::to_string(task) + (alone ? " alone" : " together");
  };
  run(3, 1000);
  ASSERT_THAT(answers_, SizeIs(6));
  for (const auto& [task, text] : answers_) EXPECT_THAT(text, ::testing::EndsWith("alone"));
}

TEST_F(WorkersTest, AStopEndsTheWorkersAndKeepsWhatIsDone) {
  tasks_.prepare = [] { ::signal(SIGTERM, [](int) {}); };
  tasks_.work = [](std::size_t task) {
    if (task > 1) ::pause();  // until the signal
    return std::to_string(task);
  };
  int checks = 0;
  tasks_.check = [&] {
    if (answers_.size() >= 2 && ++checks > 2) throw Interrupted(SIGTERM);
  };
  EXPECT_THROW(run(2), Interrupted);
  EXPECT_TRUE(answers_.contains(0) && answers_.contains(1));
}

TEST_F(WorkersTest, WorkersEndWithTheirParent) {
  const pid_t parent = ::fork();
  if (parent == 0) {
    tasks_.work = [this](std::size_t task) {
      write_file(dir_ / ("pid" + std::to_string(task)), std::to_string(::getpid()));
      ::pause();
      return std::string();
    };
    run(2);
    ::_exit(0);
  }
  for (const char* const name : {"pid0", "pid1"}) {
    while (!std::filesystem::exists(dir_ / name) || read_file(dir_ / name).empty())
      std::this_thread::yield();
  }
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  for (const char* const name : {"pid0", "pid1"}) {
    const pid_t worker = std::stoi(read_file(dir_ / name));
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    const auto is_alive = [&] {
      const std::string stat = "/proc/" + std::to_string(worker) + "/stat";
      return std::filesystem::exists(stat) && read_file(stat).find(") Z") == std::string::npos;
    };
    while (is_alive() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    EXPECT_FALSE(is_alive());
  }
}

}  // namespace
}  // namespace weightlift
