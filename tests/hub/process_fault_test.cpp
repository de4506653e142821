// The program is killed at any moment, has a full disk, or runs many times at once on one cache.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <thread>

#include "tests/hub/client.h"
#include "tests/support/timm_checkpoint.h"

namespace weightlift {
namespace {

using ::testing::HasSubstr;
using testing::HubClientTest;
using testing::noise;
using testing::Outcome;
using testing::Process;
using testing::read_file;
using testing::run_program;
using testing::tree_of;
using testing::write_file;
using Clock = std::chrono::steady_clock;

constexpr int kMoments = 100;

class ProcessFaultTest : public HubClientTest {
 protected:
  void add_repo() {
    write_file(dir_ / "net/config.json", "{}");
    write_file(dir_ / "net/sub/notes.txt", "notes");
    write_file(dir_ / "net/model.safetensors", noise(3'000'000));
    commit_ = server_.add_repo("timm/net", dir_ / "net");
  }
  /// Expects the whole repository in the cache, and nothing else.
  void expect_whole_cache() {
    const auto snapshot = dir_ / "hub/models--timm--net/snapshots" / commit_;
    for (const auto& [name, bytes] : tree_of(dir_ / "net")) {
      EXPECT_TRUE(read_file(snapshot / name) == bytes) << name;
    }
    expect_sound_cache();
    EXPECT_EQ(count_incomplete(), 0);
  }
  /// Kills the command at the i-th of kMoments moments of its duration `whole`.
  static void run_and_kill(const std::vector<std::string>& command, Clock::duration whole, int i) {
    const Clock::time_point start = Clock::now();
    Process process(command);
    std::this_thread::sleep_until(start + whole * i / (kMoments - 1));
    process.signal(SIGKILL);
    process.wait();
  }
  static Clock::duration measure(const std::vector<std::string>& command) {
    const Clock::time_point start = Clock::now();
    const Outcome outcome = run_program(command);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return Clock::now() - start;
  }
  void empty_cache() { std::filesystem::remove_all(dir_ / "hub"); }
  std::string commit_;
};

TEST_F(ProcessFaultTest, KilledPullLeavesASoundCacheAndTheNextOneFinishes) {
  add_repo();
  // Slow, so that most moments fall into the transfer.
  server_.set_faults(R"([{"path": "safetensors", "rate": 60000000, "times": -1}])");
  const auto command = program({"pull", "timm/net"});
  const Clock::duration whole = measure(command);
  expect_whole_cache();
  int broken = 0;
  for (int i = 0; i < kMoments; ++i) {
    empty_cache();
    run_and_kill(command, whole, i);
    expect_sound_cache();
    broken += count_incomplete();
    EXPECT_EQ(run_program(command).exit_code, 0);
    expect_whole_cache();
  }
  EXPECT_GT(broken, kMoments / 10) << "too few kills during the transfer";
}

TEST_F(ProcessFaultTest, KilledPushMakesNoPartialCommitAndTheNextOneFinishes) {
  server_.set_mode(R"({"multipart_over": 1000, "chunk_size": 200000})");
  server_.set_faults(R"([{"path": "/_lfs/", "method": "PUT", "rate": 10000000, "times": -1}])");
  const auto folder = dir_ / "net";
  const auto write = [&](int seed) {
    testing::small_checkpoint(LayerType::kBasic, static_cast<std::uint64_t>(seed))
        .write_folder(folder);
  };
  write(1000);
  const auto command = program({"push", folder, "alice/net"});
  const Clock::duration whole = measure(command);
  std::size_t commits = server_.commit_titles("alice/net").size();
  EXPECT_EQ(commits, 2U);
  int unpublished = 0;
  for (int i = 0; i < kMoments; ++i) {
    const std::string before = server_.file("alice/net", "model.safetensors");
    write(i);
    run_and_kill(command, whole, i);
    // The server may still process a commit that it received: read both answers at one moment.
    std::size_t now = 0;
    std::string published;
    do {
      now = server_.commit_titles("alice/net").size();
      published = server_.file("alice/net", "model.safetensors");
    } while (server_.commit_titles("alice/net").size() != now);
    ASSERT_TRUE(now == commits || now == commits + 1);
    unpublished += now == commits ? 1 : 0;
    EXPECT_TRUE(published == (now == commits ? before : read_file(folder / "model.safetensors")));
    EXPECT_EQ(run_program(command).exit_code, 0);
    // A push that was killed after it had sent its commit has made the commit.
    EXPECT_EQ(server_.commit_titles("alice/net").size(), ++commits);
    EXPECT_TRUE(server_.file("alice/net", "model.safetensors") ==
                read_file(folder / "model.safetensors"));
  }
  EXPECT_GT(unpublished, kMoments / 10) << "too few kills before the commit";
}

TEST_F(ProcessFaultTest, EightPullsAtOnceFetchEachFileOnce) {
  add_repo();
  for (int round = 0; round < 5; ++round) {
    empty_cache();
    server_.clear_log();
    std::vector<std::unique_ptr<Process>> pulls;
    for (int i = 0; i < 8; ++i) {
      pulls.push_back(std::make_unique<Process>(program({"pull", "timm/net"})));
    }
    for (const auto& pull : pulls) {
      const Outcome outcome = pull->wait();
      EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
      EXPECT_THAT(outcome.out, HasSubstr(commit_));
    }
    expect_whole_cache();
    for (const auto& [name, bytes] : tree_of(dir_ / "net")) {
      EXPECT_EQ(server_.requests(fmt::format("GET /timm/net/resolve/{}/{}", commit_, name)).size(),
                1U)
          << name;
    }
  }
}

TEST_F(ProcessFaultTest, EightPullsAtOnceSurviveABadConnectionAndTwoKills) {
  add_repo();
  for (int round = 0; round < 5; ++round) {
    empty_cache();
    server_.clear_faults();
    server_.set_faults(R"([
        {"path": "safetensors", "close_after": 1000000, "times": 3, "rate": 60000000},
        {"path": "safetensors", "rate": 60000000, "times": -1},
        {"path": "/tree/", "status": 503, "times": 3}])");
    std::vector<std::unique_ptr<Process>> pulls;
    for (int i = 0; i < 8; ++i) {
      pulls.push_back(std::make_unique<Process>(program({"pull", "timm/net"})));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10 + 20 * round));
    pulls[0]->signal(SIGKILL);
    pulls[1]->signal(SIGKILL);
    for (std::size_t i = 2; i < pulls.size(); ++i) {
      const Outcome outcome = pulls[i]->wait();
      EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    }
    expect_whole_cache();
  }
}

TEST_F(ProcessFaultTest, ReportsAFullDiskAndTheNextRunFinishes) {
  add_repo();
  // A limit of the file size acts like a full disk.
  for (const int bytes : {65536, 1 << 20, 2'999'808}) {
    empty_cache();
    std::vector<std::string> command = {"/bin/sh", "-c", "ulimit -f $0; trap '' XFSZ; exec \"$@\"",
                                        fmt::format("{}", bytes / 512)};
    for (const std::string& word : program({"pull", "timm/net"})) command.push_back(word);
    const Outcome outcome = run_program(command);
    EXPECT_EQ(outcome.exit_code, 3);
    EXPECT_THAT(outcome.err, HasSubstr("File too large"));
    expect_sound_cache();
    EXPECT_EQ(run_program(program({"pull", "timm/net"})).exit_code, 0);
    expect_whole_cache();
  }
}

}  // namespace
}  // namespace weightlift
