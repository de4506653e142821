// Conversions that a signal stops, and sources that shrink while they are read.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/cli/program.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using testing::count_errors;
using ::testing::ElementsAre;
using testing::files_of;
using ::testing::HasSubstr;
using testing::names_in;
using testing::Outcome;
using testing::Process;
using testing::Room;
using testing::run_weightlift;
using testing::weightlift;

bool has_hidden(const fs::path& folder) {
  for (const std::string& name : names_in(folder)) {
    if (name.starts_with(".")) return true;
  }
  return false;
}

/// Runs the command and calls `act` as soon as it builds a folder in the room's output. It verifies
/// so many inputs that it is far from its end then.
Outcome run_until_it_builds(const Room& room, std::vector<std::string> arguments,
                            const std::function<void(Process&)>& act) {
  arguments.insert(arguments.end(),
                   {"-o", room.out(), "--samples", "1000", "--threads", "1", "-q"});
  Process process(weightlift(arguments));
  while (process.is_running() && !has_hidden(room.out())) std::this_thread::yield();
  act(process);
  return process.wait();
}

struct Stop {
  int signal;
  int exit_code;
  const char* message;
};

class SignalTest : public ::testing::TestWithParam<Stop> {};
INSTANTIATE_TEST_SUITE_P(Kinds, SignalTest,
                         ::testing::Values(Stop{SIGINT, 130, "interrupted"},
                                           Stop{SIGTERM, 143, "terminated"}),
                         [](const auto& stop) { return std::string(stop.param.message); });

TEST_P(SignalTest, StopsAConversionAndLeavesNothing) {
  const Room room;
  const Outcome outcome =
      run_until_it_builds(room, {"convert", room.source()},
                          [](Process& process) { process.signal(GetParam().signal); });
  EXPECT_EQ(outcome.exit_code, GetParam().exit_code);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, fmt::format("weightlift: error: {}\n", GetParam().message));
  EXPECT_THAT(names_in(room.dir.path()), ElementsAre("in"));
}

TEST_P(SignalTest, StopsAllSourcesAndKeepsTheOldFolder) {
  const Room room;
  testing::small_checkpoint().write_folder(room.dir / "in/next");
  ASSERT_EQ(run_weightlift({"convert", room.source(), "-o", room.out()}).exit_code, 0);
  const auto old = files_of(room.folder());
  testing::small_checkpoint(LayerType::kBasic, 2).write_folder(room.source());
  const Outcome outcome =
      run_until_it_builds(room, {"convert", room.source(), room.dir / "in/next", "--force"},
                          [](Process& process) { process.signal(GetParam().signal); });
  EXPECT_EQ(outcome.exit_code, GetParam().exit_code);
  EXPECT_EQ(count_errors(outcome.err), 1);
  EXPECT_EQ(files_of(room.folder()), old);
  EXPECT_THAT(names_in(room.out()), ElementsAre("small"));
}

TEST_P(SignalTest, ReportStatesWhatWasInterruptedAndSkipped) {
  const Room room;
  testing::small_checkpoint().write_folder(room.dir / "in/next");
  testing::small_checkpoint().write_folder(room.dir / "in/last");
  const fs::path report = room.dir / "report.json";
  const Outcome outcome =
      run_until_it_builds(room,
                          {"convert", room.source(), room.dir / "in/next", room.dir / "in/last",
                           "--json", "--report", report},
                          [](Process& process) { process.signal(GetParam().signal); });
  EXPECT_EQ(outcome.exit_code, GetParam().exit_code);
  EXPECT_EQ(outcome.err, fmt::format("weightlift: error: {}\n", GetParam().message));
  const auto written = nlohmann::json::parse(testing::read_file(report));
  const auto printed = testing::json_lines(outcome.out);
  ASSERT_EQ(written.size(), 3U);
  ASSERT_EQ(printed.size(), 3U);
  const std::vector<std::string> statuses = {"interrupted", "skipped", "skipped"};
  for (std::size_t i = 0; i < statuses.size(); ++i) {
    EXPECT_EQ(written[i]["status"], statuses[i]);
    EXPECT_EQ(printed[i]["status"], statuses[i]);
  }
  EXPECT_EQ(written[0]["error"]["kind"], "interrupted");
  EXPECT_EQ(written[0]["source"], room.source());
  EXPECT_EQ(written[2]["source"], (room.dir / "in/last").string());
  EXPECT_FALSE(written[2].contains("error"));
  EXPECT_THAT(names_in(room.dir.path()), ElementsAre("in", "report.json"));
}

TEST_P(SignalTest, LeavesAllOrNothingAtAnyMoment) {
  const Room room;
  constexpr int kMoments = 20;
  for (int i = 0; i < kMoments; ++i) {
    Process process(weightlift({"convert", room.source(), "-o", room.out(), "-q"}));
    std::this_thread::sleep_for(std::chrono::milliseconds(2 * i));
    process.signal(GetParam().signal);
    const Outcome outcome = process.wait();
    if (outcome.exit_code == 0) {
      EXPECT_EQ(names_in(room.folder()).size(), 4U);
      fs::remove_all(room.out());
      continue;
    }
    // A signal before the program handles it kills the program.
    EXPECT_TRUE(outcome.exit_code == GetParam().exit_code || outcome.signal == GetParam().signal);
    EXPECT_THAT(names_in(room.dir.path()), ElementsAre("in"));
  }
}

// All that would end the process without a trace; each may come again and again.
TEST(OtherSignalTest, StopsAConversionAndLeavesNothing) {
  const std::vector<Stop> stops = {{SIGHUP, 129, "hung up"},
                                   {SIGQUIT, 131, "stopped by SIGQUIT"},
                                   {SIGUSR1, 138, "stopped by SIGUSR1"},
                                   {SIGUSR2, 140, "stopped by SIGUSR2"},
                                   {SIGALRM, 142, "stopped by SIGALRM"},
                                   {SIGSTKFLT, 144, "stopped by SIGSTKFLT"},
                                   {SIGXCPU, 152, "stopped by SIGXCPU"},
                                   {SIGVTALRM, 154, "stopped by SIGVTALRM"},
                                   {SIGPROF, 155, "stopped by SIGPROF"},
                                   {SIGIO, 157, "stopped by SIGPOLL"},
                                   {SIGPWR, 158, "stopped by SIGPWR"},
                                   {SIGRTMIN, 128 + SIGRTMIN, "stopped by signal 34"}};
  for (const Stop& stop : stops) {
    SCOPED_TRACE(stop.message);
    const Room room;
    const Outcome outcome =
        run_until_it_builds(room, {"convert", room.source()}, [&](Process& process) {
          const int times = stop.signal == SIGHUP || stop.signal == SIGQUIT ? 1 : 3;
          for (int i = 0; i < times; ++i) process.signal(stop.signal);
        });
    EXPECT_EQ(outcome.signal, 0);
    EXPECT_EQ(outcome.exit_code, stop.exit_code);
    EXPECT_EQ(outcome.err, fmt::format("weightlift: error: {}\n", stop.message));
    EXPECT_THAT(names_in(room.dir.path()), ElementsAre("in"));
  }
}

TEST(OtherSignalTest, WhatTheCallerIgnoresStaysIgnored) {
  for (const int number : {SIGHUP, SIGUSR1, SIGALRM}) {
    const Room room;
    const sighandler_t before = std::signal(number, SIG_IGN);
    Process process(weightlift({"convert", room.source(), "-o", room.out(), "--samples", "10"}));
    while (process.is_running() && !has_hidden(room.out())) std::this_thread::yield();
    process.signal(number);
    EXPECT_EQ(process.wait().exit_code, 0) << number;
    std::signal(number, before);
  }
}

TEST(ShrinkingSourceTest, IsReportedOnceAndLeavesNothing) {
  const Room room;
  const fs::path weights = room.dir / "in/small/model.safetensors";
  const auto bytes = fs::file_size(weights);
  for (const std::uintmax_t left : {bytes / 2, std::uintmax_t{4096}, std::uintmax_t{0}}) {
    testing::small_checkpoint().write_folder(room.source());
    const Outcome outcome = run_until_it_builds(room, {"convert", room.source()},
                                                [&](Process&) { fs::resize_file(weights, left); });
    EXPECT_EQ(outcome.exit_code, 3);
    EXPECT_EQ(outcome.signal, 0);
    EXPECT_EQ(
        outcome.err,
        fmt::format("weightlift: error: {}: the file changed while weightlift read it: expected {} "
                    "bytes, got {}\n",
                    weights.string(), bytes, left));
    EXPECT_THAT(names_in(room.dir.path()), ElementsAre("in"));
  }
}

TEST(ShrinkingSourceTest, IsReportedWhileItsBytesAreWritten) {
  const Room room;
  ResNetConfig network;
  network.layer_type = LayerType::kBasic;
  network.depths = {1, 1, 1, 1};
  network.hidden_sizes = {64, 64, 512, 512};
  testing::make_timm_checkpoint(network, "resnet18").write_file(room.dir / "in/large.safetensors");
  const fs::path weights = room.dir / "in/large.safetensors";
  const Outcome outcome = run_until_it_builds(room, {"convert", weights},
                                              [&](Process&) { fs::resize_file(weights, 100'000); });
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.err,
              HasSubstr("large.safetensors: the file changed while weightlift read it: "));
  EXPECT_EQ(count_errors(outcome.err), 1);
  EXPECT_THAT(names_in(room.dir.path()), ElementsAre("in"));
}

}  // namespace
}  // namespace weightlift
