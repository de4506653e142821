#include "weightlift/job/conversions.h"

#include <gmock/gmock.h>

#include <string>
#include <thread>
#include <vector>

#include "tests/support/folder.h"
#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "tests/support/timm_checkpoint.h"
#include "weightlift/job/job_progress.h"

namespace weightlift {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::names_in;
using testing::refusal;
using testing::small_checkpoint;
using testing::TempDir;

/// Keeps what it is called with, and interrupts the source `stop_at`.
class Recorder : public ConversionObserver, public ProgressSink {
 public:
  ProgressSink& begin(std::size_t index) override {
    events.push_back("begin " + std::to_string(index));
    current = index;
    return *this;
  }
  void converted(std::size_t index, const Conversion& /*result*/) override {
    events.push_back("converted " + std::to_string(index));
  }
  void end(std::size_t index, const ConversionRecord& record) override {
    events.push_back("end " + std::to_string(index));
    records.push_back(record);
  }
  void check() override {
    if (current == stop_at) throw Interrupted(2);
  }

  std::size_t current = 0, stop_at = 99;
  std::vector<std::string> events;
  std::vector<ConversionRecord> records;
};

class ConversionsTest : public ::testing::Test {
 protected:
  ConversionsTest() {
    for (const char* name : {"a", "b", "c"}) small_checkpoint().write_folder(dir_ / name);
  }
  std::vector<ConversionRequest> requests_for(const std::vector<std::string>& names) const {
    std::vector<ConversionRequest> requests;
    for (const std::string& name : names) {
      requests.push_back({.source = (dir_ / name).string(), .output = dir_ / "out"});
      requests.back().verify_options.threads = 1;
    }
    return requests;
  }

  TempDir dir_;
  Recorder recorder_;
};

TEST_F(ConversionsTest, AFailureDoesNotStopTheOthers) {
  convert_all(requests_for({"a", "absent", "c"}), no_progress(), recorder_);
  EXPECT_THAT(recorder_.events, ElementsAre("begin 0", "converted 0", "end 0", "begin 1", "end 1",
                                            "begin 2", "converted 2", "end 2"));
  EXPECT_THAT(names_in(dir_ / "out"), ElementsAre("a", "c"));
  EXPECT_TRUE(recorder_.records[0].result->written);
  EXPECT_EQ(recorder_.records[0].error, nullptr);
  EXPECT_EQ(recorder_.records[1].error->kind(), ErrorKind::kNotFound);
  EXPECT_FALSE(recorder_.records[1].result);
  EXPECT_FALSE(recorder_.records[1].skipped);
}

TEST_F(ConversionsTest, AnInterruptionSkipsTheRest) {
  recorder_.stop_at = 1;
  convert_all(requests_for({"a", "b", "c"}), no_progress(), recorder_);
  EXPECT_THAT(names_in(dir_ / "out"), ElementsAre("a"));
  ASSERT_EQ(recorder_.records.size(), 3U);
  EXPECT_NE(dynamic_cast<const Interrupted*>(recorder_.records[1].error.get()), nullptr);
  EXPECT_TRUE(recorder_.records[2].skipped);
  EXPECT_EQ(recorder_.events.back(), "end 2");
}

TEST_F(ConversionsTest, TwoSourcesOfOneFolderAreRefused) {
  small_checkpoint().write_folder(dir_ / "other/a");
  EXPECT_THAT(refusal<UsageError>([&] {
                convert_all(requests_for({"a", "other/a"}), no_progress(), recorder_);
              }),
              HasSubstr("; name-each()"));
  EXPECT_THAT(recorder_.events, IsEmpty());
  EXPECT_THAT(names_in(dir_ / "out"), IsEmpty());
}

TEST_F(ConversionsTest, NotesBelongToTheirSource) {
  convert_all(requests_for({"a", "b"}), no_progress(), recorder_);
  EXPECT_EQ(recorder_.records[0].notes, recorder_.records[0].result->notes);
  EXPECT_EQ(recorder_.records[1].notes, recorder_.records[1].result->notes);
}

TEST(JobProgressTest, CallsTheSinkOnceAtATime) {
  /// Counts without a lock of its own.
  class Counter : public ProgressSink {
   public:
    void check() override { ++count; }
    void note(const Note& /*note*/) override { ++count; }
    int count = 0;
  };
  Counter counter;
  JobProgress progress(counter);
  constexpr int kCalls = 10'000;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&] {
        for (int i = 0; i < kCalls; ++i) progress.check();
      });
    }
    progress.note({});
  }
  EXPECT_EQ(counter.count, 4 * kCalls + 1);
  EXPECT_EQ(progress.notes().size(), 1U);
  Counter next;
  progress.change_sink(next);
  EXPECT_THAT(progress.notes(), IsEmpty());
  progress.check();
  EXPECT_EQ(next.count, 1);
}

}  // namespace
}  // namespace weightlift
