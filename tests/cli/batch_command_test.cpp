#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/cli/program.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::json_lines;
using testing::names_in;
using ::testing::Not;
using testing::Outcome;
using testing::Process;
using testing::read_file;
using testing::run_weightlift;
using ::testing::SizeIs;
using testing::small_checkpoint;
using ::testing::StartsWith;
using testing::TempDir;
using testing::weightlift;
using testing::write_file;

/// A manifest of small checkpoints in runs/0/best, runs/1/best, ...
class BatchTest : public ::testing::Test {
 protected:
  explicit BatchTest(int count = 4) {
    std::string lines;
    std::uint64_t seed = 1;
    for (int i = 0; i < count; ++i) {
      const fs::path source = dir_ / ("runs/" + std::to_string(i) + "/best");
      small_checkpoint(LayerType::kBasic, seed++).write_folder(source);
      sources_.push_back(source);
      lines += line(i) + "\n";
    }
    write_manifest(lines);
  }
  std::string line(int i) const {
    const nlohmann::json json = {{"source", sources_[static_cast<std::size_t>(i)]},
                                 {"name", "m" + std::to_string(i)}};
    return json.dump();
  }
  void write_manifest(const std::string& lines) { write_file(dir_ / "manifest.jsonl", lines); }
  std::string out() const { return dir_ / "out"; }
  std::vector<std::string> command(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words = {"batch", dir_ / "manifest.jsonl", "-o", out(), "--threads",
                                      "1"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  Outcome run(const std::vector<std::string>& more = {}) const {
    return run_weightlift(command(more));
  }
  Outcome merge(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words = {"batch", "--merge", out()};
    words.insert(words.end(), more.begin(), more.end());
    return run_weightlift(words);
  }
  /// The statuses in a record, by name.
  std::map<std::string, std::vector<std::string>> record(
      const std::string& shard = "00000-of-00001") const {
    std::map<std::string, std::vector<std::string>> statuses;
    for (const auto& json : json_lines(read_file(dir_ / ("out/.batch/" + shard + ".jsonl")))) {
      statuses[json.value("name", "")].push_back(json.at("status"));
    }
    return statuses;
  }

  TempDir dir_;
  std::vector<std::string> sources_;
};

TEST_F(BatchTest, ConvertsEachLine) {
  const Outcome outcome = run();
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("[4/4] " + sources_[3] + " -> " + out() + "/m3\n"));
  EXPECT_THAT(
      outcome.err,
      HasSubstr("note: shard 0/1: 4 converted (4 with warnings), 0 up to date, 0 failed in "));
  EXPECT_THAT(names_in(out()), ElementsAre(".batch", "m0", "m1", "m2", "m3"));
  for (int i = 0; i < 4; ++i) {
    const std::string name = "/m" + std::to_string(i);
    EXPECT_EQ(
        run_weightlift({"verify", sources_[static_cast<std::size_t>(i)], out() + name}).exit_code,
        0);
  }
}

TEST_F(BatchTest, ASecondRunConvertsOnlyWhatChanged) {
  run();
  small_checkpoint(LayerType::kBasic, 77).write_folder(sources_[2]);
  const Outcome outcome = run();
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("/m1, up to date\n"), HasSubstr("/m2 (the source changed)\n")));
  EXPECT_THAT(outcome.err, HasSubstr("1 converted (1 with warnings), 3 up to date, 0 failed"));
  EXPECT_EQ(run_weightlift({"verify", sources_[2], out() + "/m2"}).exit_code, 0);
  EXPECT_THAT(record()["m0"], ElementsAre("converted"));
  EXPECT_THAT(record()["m2"], ElementsAre("converted", "converted"));
}

TEST_F(BatchTest, ABadLineFailsThatItemOnly) {
  write_manifest(line(0) + "\n{\"source\": \"absent.pth\"}\n{\"source\": \n" + line(1) + "\n" +
                 R"({"source": "x", "id2labels": "y"})"
                 "\n");
  const Outcome outcome = run();
  EXPECT_EQ(outcome.exit_code, 3) << outcome.err;
  EXPECT_THAT(
      outcome.err,
      AllOf(HasSubstr("manifest.jsonl:2: absent.pth: no such file or folder\n"),
            HasSubstr("manifest.jsonl:3: invalid JSON"),
            HasSubstr("manifest.jsonl:5: x: id2labels: unknown option; did you mean id2label?")));
  EXPECT_THAT(names_in(out()), ElementsAre(".batch", "m0", "m1"));
  const Outcome merged = merge();
  EXPECT_EQ(merged.exit_code, 3);
  EXPECT_THAT(merged.err, HasSubstr("error: of 5 items: 3 failed\n"));
  EXPECT_THAT(merged.out, AllOf(HasSubstr("absent (absent.pth): not_found: absent.pth: no such"),
                                HasSubstr("line 3: invalid_format: line 3: invalid JSON")));
}

TEST_F(BatchTest, TwoLinesForOneFolderAreRefusedUpFront) {
  write_file(dir_ / "list", sources_[0] + "\n\n" + sources_[1] + "\n");
  const std::vector<std::string> plain = {"batch", "--from-file", dir_ / "list", "-o", out()};
  const Outcome outcome = run_weightlift(plain);
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("error: lines 1 and 3: both would become the folder 'best'; "
                                     "give each a name, or use --name-template '{parent}-{stem}'"));
  EXPECT_FALSE(fs::exists(out()));
  std::vector<std::string> named = plain;
  named.insert(named.end(), {"--name-template", "{parent}-{stem}"});
  EXPECT_EQ(run_weightlift(named).exit_code, 0);
  EXPECT_THAT(names_in(out()), ElementsAre(".batch", "0-best", "1-best"));
}

TEST_F(BatchTest, OptionsOfTheCommandAreDefaultsOfTheLines) {
  nlohmann::json own = nlohmann::json::parse(line(1));
  own["dtype"] = "bfloat16";
  write_manifest(line(0) + "\n" + own.dump() + "\n");
  EXPECT_EQ(run({"--dtype", "float16"}).exit_code, 0);
  EXPECT_THAT(read_file(dir_ / "out/m0/config.json"), HasSubstr("\"dtype\": \"float16\""));
  EXPECT_THAT(read_file(dir_ / "out/m1/config.json"), HasSubstr("\"dtype\": \"bfloat16\""));
}

TEST_F(BatchTest, PartsShareTheWork) {
  EXPECT_EQ(run({"--shard", "0/3"}).exit_code, 0);
  EXPECT_THAT(names_in(out()), ElementsAre(".batch", "m0", "m3"));
  Outcome merged = merge({"--json"});
  EXPECT_EQ(merged.exit_code, 3);
  nlohmann::json json = json_lines(merged.out).front();
  EXPECT_EQ(json["status"], "failed");
  EXPECT_EQ(json["missing"], 2);
  EXPECT_EQ(json["missing_items"][1]["name"], "m2");
  EXPECT_EQ(json["unfinished_shards"], nlohmann::json({"1/3", "2/3"}));
  EXPECT_EQ(run({"--shard", "1/3"}).exit_code, 0);
  EXPECT_EQ(run({"--shard", "2/3"}).exit_code, 0);
  merged = merge({"--json"});
  EXPECT_EQ(merged.exit_code, 0) << merged.err;
  json = json_lines(merged.out).front();
  EXPECT_EQ(json["type"], "batch");
  EXPECT_EQ(json["items"], 4);
  EXPECT_EQ(json["converted"], 4);
}

TEST_F(BatchTest, SchedulersGiveThePart) {
  std::vector<std::string> words = {"/usr/bin/env", "SLURM_ARRAY_TASK_ID=7",
                                    "SLURM_ARRAY_TASK_MIN=6", "SLURM_ARRAY_TASK_MAX=7",
                                    "SLURM_ARRAY_TASK_COUNT=2"};
  for (const std::string& word : weightlift(command())) words.push_back(word);
  const Outcome outcome = testing::run_program(words);
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err, HasSubstr("note: shard 1/2, from SLURM_ARRAY_TASK_ID\n"));
  EXPECT_THAT(names_in(out()), ElementsAre(".batch", "m1", "m3"));
  words[4] = "SLURM_ARRAY_TASK_COUNT=1";
  const Outcome refused = testing::run_program(words);
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("name the shard with --shard I/N"));
  words = {"/usr/bin/env", "JOB_COMPLETION_INDEX=0"};
  for (const std::string& word : weightlift(command())) words.push_back(word);
  EXPECT_THAT(testing::run_program(words).err,
              HasSubstr("error: --shards: missing; JOB_COMPLETION_INDEX"));
}

TEST_F(BatchTest, SeveralProcessesDoTheSame) {
  const Outcome outcome = run({"--jobs", "3"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(names_in(out()), ElementsAre(".batch", "m0", "m1", "m2", "m3"));
  const auto statuses = record();
  EXPECT_THAT(statuses, SizeIs(4));
  for (const auto& [name, status] : statuses) EXPECT_THAT(status, ElementsAre("converted")) << name;
  EXPECT_THAT(run({"--jobs", "3"}).err, HasSubstr("0 converted, 4 up to date"));
  EXPECT_THAT(run({"--jobs", "2", "--memory", "1M"}).err, HasSubstr("4 up to date"));
}

TEST_F(BatchTest, JsonHasALinePerItemAndTheSummary) {
  write_manifest(line(0) + "\n{\"source\": \"absent.pth\"}\n");
  const Outcome outcome = run({"--json"});
  EXPECT_EQ(outcome.exit_code, 3);
  const auto lines = json_lines(outcome.out);
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_EQ(lines[0]["type"], "convert");
  EXPECT_EQ(lines[0]["name"], "m0");
  EXPECT_EQ(lines[0]["line"], 1);
  EXPECT_EQ(lines[0]["verification"]["verified"], true);
  EXPECT_EQ(lines[1]["error"]["kind"], "not_found");
  EXPECT_EQ(lines[2]["type"], "batch");
  EXPECT_EQ(lines[2]["failed"], 1);
  EXPECT_EQ(lines[2]["failures"][0]["error"]["kind"], "not_found");
  EXPECT_EQ(read_file(dir_ / "out/.batch/00000-of-00001.jsonl"),
            outcome.out.substr(0, outcome.out.rfind('\n', outcome.out.size() - 2) + 1));
}

TEST_F(BatchTest, ADryRunWritesNothing) {
  const Outcome outcome = run({"--dry-run"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("/m0, not written (dry run)\n"));
  EXPECT_FALSE(fs::exists(out()));
}

TEST_F(BatchTest, ALostOutputDoesNotLoseAnItem) {
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  const Outcome outcome = Process(weightlift(command()), full).wait();
  ::close(full);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(merge().exit_code, 0);
}

TEST_F(BatchTest, ASignalStopsBetweenItemsAndARestartGoesOn) {
  for (const char* const jobs : {"1", "2"}) {
    fs::remove_all(out());
    Process process(weightlift(command({"--jobs", jobs})));
    while (!fs::exists(dir_ / "out/m0")) std::this_thread::yield();
    process.signal(SIGTERM);
    const Outcome outcome = process.wait();
    EXPECT_THAT(outcome.exit_code, ::testing::AnyOf(0, 143));
    EXPECT_THAT(names_in(out()), Not(Contains(HasSubstr(".weightlift-"))));
    EXPECT_EQ(run().exit_code, 0);
    EXPECT_EQ(merge().exit_code, 0);
    for (const auto& [name, status] : record()) EXPECT_THAT(status, SizeIs(1)) << name;
  }
}

TEST_F(BatchTest, MergeRemovesOldTemporaryFoldersOfOtherMachines) {
  run();
  const std::string left = ".m0.weightlift-0a1b2c3d4e5f-f0000000-1-1-abcdef";
  write_file(dir_ / "out" / left / "f", "x");
  Outcome merged = merge({"--clean"});
  EXPECT_THAT(merged.out, HasSubstr("temporary folders of other machines, kept:\n  " + left));
  const auto day = fs::file_time_type::clock::now() - std::chrono::hours(25);
  fs::last_write_time(dir_ / "out" / left / "f", day);
  fs::last_write_time(dir_ / "out" / left, day);
  EXPECT_THAT(merge().out, HasSubstr("kept:\n  " + left));
  merged = merge({"--clean"});
  EXPECT_EQ(merged.exit_code, 0);
  EXPECT_THAT(merged.out, HasSubstr("temporary folders of other machines, removed:\n  " + left));
  EXPECT_FALSE(fs::exists(dir_ / "out" / left));
}

TEST_F(BatchTest, WarningsAreCountedAndLogged) {
  const std::string weights = sources_[0] + "/model.safetensors";
  write_file(dir_ / "list", weights + "\n");
  const std::vector<std::string> command = {"batch", "--from-file", dir_ / "list", "-o",
                                            out(),   "--log-file",  dir_ / "log"};
  const Outcome outcome = run_weightlift(command);
  EXPECT_THAT(outcome.err, HasSubstr("1 converted (1 with warnings), 0 up to date"));
  EXPECT_THAT(read_file(dir_ / "log"), HasSubstr("list:1: warning: no labels for the 5 classes"));
  EXPECT_THAT(merge().out, HasSubstr("warning labels-unknown: 1\n"));
  EXPECT_EQ(json_lines(merge({"--json"}).out)[0]["warnings"]["no-config"], 1);
}

TEST_F(BatchTest, AFaultOfAllLinesIsReportedOnce) {
  const Outcome labels = run({"--id2label", dir_ / "absent.txt"});
  EXPECT_EQ(labels.exit_code, 3);
  EXPECT_EQ(testing::count_errors(labels.err), 1);
  write_file(dir_ / "list", sources_[0] + "\n");
  const Outcome list = run_weightlift({"batch", dir_ / "list", "-o", out()});
  EXPECT_EQ(list.exit_code, 2);
  EXPECT_THAT(list.err,
              HasSubstr("list: no line is a JSON object; use --from-file for a plain list"));
  write_manifest("\n");
  EXPECT_THAT(run().err, HasSubstr("manifest.jsonl: no sources"));
  EXPECT_FALSE(fs::exists(out()));
}

TEST_F(BatchTest, AFolderThatIsUpToDateNeedNotBeWritable) {
  run();
  fs::permissions(out(), fs::perms(0555));
  const Outcome outcome = run_weightlift({"convert", sources_[0], "-o", out(), "--name", "m0",
                                          "--if-changed", "--threads", "1", "-q"});
  fs::permissions(out(), fs::perms(0755));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
}

TEST_F(BatchTest, RefusesContradictions) {
  const auto refused = [&](const std::vector<std::string>& words) {
    const Outcome outcome = run_weightlift(words);
    EXPECT_EQ(outcome.exit_code, 2);
    return outcome.err;
  };
  EXPECT_THAT(refused({"batch"}), HasSubstr("expected either MANIFEST or --from-file FILE"));
  EXPECT_THAT(refused({"batch", "m"}), HasSubstr("--output: missing"));
  EXPECT_THAT(refused({"batch", "m", "--from-file", "l", "-o", "x"}), HasSubstr("expected either"));
  EXPECT_THAT(refused({"batch", "--merge", "x", "-o", "y"}),
              HasSubstr("--merge: cannot be combined"));
  EXPECT_THAT(refused({"batch", "m", "-o", "x", "--clean"}), HasSubstr("--clean: needs --merge"));
  EXPECT_THAT(refused(command({"--jobs", "0"})), HasSubstr("--jobs: expected 1 or more"));
  EXPECT_THAT(refused(command({"--shard", "4/4"})), HasSubstr("--shard: expected I/N"));
  EXPECT_EQ(merge().exit_code, 3);
}

TEST_F(BatchTest, MemoryDoesNotGrowWithTheNumberOfItems) {
  std::string lines;
  for (int i = 0; i < 500; ++i) {
    const nlohmann::json json = {
        {"source", sources_[0]}, {"name", "n" + std::to_string(i)}, {"fsync", false}};
    lines += json.dump() + "\n";
  }
  write_manifest(lines);
  ASSERT_EQ(run().exit_code, 0);
  const auto items = json_lines(read_file(dir_ / "out/.batch/00000-of-00001.jsonl"));
  ASSERT_THAT(items, SizeIs(500));
  const auto peak = [&](std::size_t i) { return items[i].at("peak_bytes").get<double>(); };
  EXPECT_LT(peak(499), 1.05 * peak(50));
}

// Under a sanitizer each run takes some ten times as long.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEIGHTLIFT_TEST_SANITIZED
#endif
#endif
#ifdef WEIGHTLIFT_TEST_SANITIZED
constexpr int kMoments = 10, kFewMoments = 3;
#else
constexpr int kMoments = 50, kFewMoments = 10;
#endif

class BatchKillTest : public BatchTest {
 protected:
  BatchKillTest() : BatchTest(6) {}

  /// Kills runs at random moments, and restarts each. Then each item is there, and recorded once.
  void kill_at_moments(int moments, const std::vector<std::string>& command) {
    ASSERT_EQ(testing::run_program(command).exit_code, 0);
    std::map<std::string, std::map<std::string, std::string>> complete;
    for (int i = 0; i < 6; ++i)
      complete["m" + std::to_string(i)] = files_of("m" + std::to_string(i));
    std::mt19937 random(std::random_device{}());
    int killed = 0;
    for (int i = 0; i < moments; ++i) {
      fs::remove_all(out());
      const auto began = std::chrono::steady_clock::now();
      ASSERT_EQ(testing::run_program(command).exit_code, 0);
      const auto whole = std::chrono::steady_clock::now() - began;
      fs::remove_all(out());
      Process process(command);
      std::this_thread::sleep_for(whole * std::uniform_int_distribution(0, 1000)(random) / 1000);
      process.signal(SIGKILL);
      if (process.wait().signal == SIGKILL) ++killed;
      for (const auto& [name, files] : complete) {
        if (!fs::exists(fs::path(out()) / name)) continue;
        EXPECT_EQ(files_of(name), files);
      }
      ASSERT_EQ(testing::run_program(command).exit_code, 0);
      expect_all(complete);
    }
    EXPECT_GT(killed, 0);
  }
  /// Signals one process whose parent has this PID.
  static void kill_a_child_of(pid_t parent, int signal = SIGKILL) {
    for (const auto& entry : fs::directory_iterator("/proc")) {
      std::ifstream stat(entry.path() / "stat");
      std::string text;
      std::getline(stat, text);
      const std::size_t name_end = text.rfind(") ");  // ") STATE PARENT ..."
      if (name_end == text.npos ||
          !text.substr(name_end + 4).starts_with(std::to_string(parent) + " ")) {
        continue;
      }
      ::kill(std::stoi(entry.path().filename()), signal);
      return;
    }
  }
  std::map<std::string, std::string> files_of(const std::string& name) const {
    return testing::files_of(fs::path(out()) / name);
  }
  void expect_all(const std::map<std::string, std::map<std::string, std::string>>& complete) const {
    std::vector<std::string> names = {".batch"};
    for (const auto& [name, files] : complete) {
      names.push_back(name);
      EXPECT_EQ(files_of(name), files);
    }
    EXPECT_EQ(names_in(out()), names);
    const auto statuses = record();
    EXPECT_THAT(statuses, SizeIs(complete.size()));
    for (const auto& [name, status] : statuses) EXPECT_THAT(status, SizeIs(1)) << name;
    EXPECT_EQ(merge().exit_code, 0);
  }
};

TEST_F(BatchKillTest, LosesAndRepeatsNothing) { kill_at_moments(kMoments, weightlift(command())); }

TEST_F(BatchKillTest, LosesAndRepeatsNothingWithWorkers) {
  kill_at_moments(kFewMoments, weightlift(command({"--jobs", "2"})));
}

TEST_F(BatchKillTest, LosesAndRepeatsNothingInAFolderOfSeveralMachines) {
  std::vector<std::string> words = {"/usr/bin/env", "LD_PRELOAD=" WEIGHTLIFT_SHARED_FOLDER_SHIM,
                                    "WEIGHTLIFT_TEST_NFS=1"};
  for (const std::string& word : weightlift(command())) words.push_back(word);
  kill_at_moments(kFewMoments, words);
}

TEST_F(BatchKillTest, APartThatRunsTwiceConvertsTwiceAtMost) {
  for (int i = 0; i < 5; ++i) {
    fs::remove_all(out());
    Process a(weightlift(command())), b(weightlift(command()));
    for (Process* process : {&a, &b}) EXPECT_EQ(process->wait().exit_code, 0);
    EXPECT_THAT(names_in(out()), SizeIs(7));
    EXPECT_EQ(merge().exit_code, 0);
  }
}

TEST_F(BatchKillTest, WithoutAnExchangeAFolderIsReplacedByTheStatedFallback) {
  std::vector<std::string> words = {"/usr/bin/env", "LD_PRELOAD=" WEIGHTLIFT_SHARED_FOLDER_SHIM,
                                    "WEIGHTLIFT_TEST_NFS=1"};
  for (const std::string& word : weightlift(command())) words.push_back(word);
  for (const char* const dtype : {"float32", "float16", "bfloat16"}) {
    std::vector<std::string> again = words;
    again.insert(again.end(), {"--dtype", dtype});
    const Outcome outcome = testing::run_program(again);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("6 converted (6 with warnings)"));
    EXPECT_THAT(names_in(out()), SizeIs(7));
    EXPECT_THAT(read_file(dir_ / "out/m5/config.json"), HasSubstr(dtype));
  }
}

TEST_F(BatchKillTest, AWorkerThatIsStoppedAloneIsReplaced) {
  Process process(weightlift(command({"--jobs", "2", "--samples", "200"})));
  while (!fs::exists(dir_ / "out/m0") && process.is_running()) std::this_thread::yield();
  kill_a_child_of(process.pid(), SIGTERM);
  const Outcome outcome = process.wait();
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(record(), SizeIs(6));
  EXPECT_EQ(merge().exit_code, 0);
}

TEST_F(BatchKillTest, AKilledWorkerIsReplaced) {
  for (int i = 0; i < 10; ++i) {
    fs::remove_all(out());
    Process process(weightlift(command({"--jobs", "2"})));
    while (!fs::exists(dir_ / "out/m0") && process.is_running()) std::this_thread::yield();
    kill_a_child_of(process.pid());
    const Outcome outcome = process.wait();
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    const auto statuses = record();
    EXPECT_THAT(statuses, SizeIs(6));
    for (const auto& [name, status] : statuses) EXPECT_THAT(status, SizeIs(1)) << name;
    EXPECT_EQ(run().exit_code, 0);  // removes what the worker left
    EXPECT_THAT(names_in(out()), SizeIs(7));
  }
}

}  // namespace
}  // namespace weightlift
