// Conversions that stop, or whose source changes meanwhile.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>

#include "tests/convert/job.h"
#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "tests/support/timm_checkpoint.h"
#include "weightlift/base/file.h"
#include "weightlift/base/message.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::files_of;
using ::testing::HasSubstr;
using testing::Listener;
using testing::names_in;
using testing::refusal;
using testing::request_for;
using testing::run;
using testing::small_checkpoint;
using ::testing::StartsWith;
using testing::Stopper;
using testing::TempDir;

class InterruptionTest : public ::testing::Test {
 protected:
  InterruptionTest() {
    guard_mapped_files();
    small_checkpoint().write_folder(dir_ / "in/small");
    request_ = request_for(dir_ / "in/small", dir_ / "out");
  }
  /// Stops at the first check, the second, and so on, until a run reaches its end; `expect` checks
  /// what each stopped run left.
  int stop_everywhere(const std::function<void()>& expect) {
    for (int stopped = 0; stopped < 1000; ++stopped) {
      Stopper stopper(stopped);
      const std::string message = refusal<Interrupted>([&] { convert(request_, stopper); });
      if (message == "accepted") return stopped;
      EXPECT_EQ(message, "interrupted");
      expect();
    }
    return -1;
  }
  TempDir dir_;
  ConversionRequest request_;
};

TEST_F(InterruptionTest, LeavesNothingAtAnyCheck) {
  const int stops = stop_everywhere([&] { EXPECT_THAT(names_in(dir_.path()), ElementsAre("in")); });
  EXPECT_GE(stops, 5);
  EXPECT_THAT(names_in(dir_ / "out"), ElementsAre("small"));
}

TEST_F(InterruptionTest, KeepsTheFolderToReplace) {
  run(request_);
  const auto old = files_of(dir_ / "out/small");
  small_checkpoint(LayerType::kBottleneck, 2).write_folder(dir_ / "in/small");
  request_.force = true;
  stop_everywhere([&] {
    EXPECT_EQ(files_of(dir_ / "out/small"), old);
    EXPECT_THAT(names_in(dir_ / "out"), ElementsAre("small"));
  });
  EXPECT_NE(files_of(dir_ / "out/small"), old);
}

TEST_F(InterruptionTest, StopsAVerification) {
  run(request_);
  Stopper stopper(0);
  EXPECT_EQ(refusal<Interrupted>([&] {
              verify_folder(request_.source, {}, (dir_ / "out/small").string(), {}, stopper);
            }),
            "interrupted");
}

class ShrinkingSourceTest : public InterruptionTest,
                            public ::testing::WithParamInterface<const char*> {
 protected:
  fs::path weights() const { return dir_ / "in/small/model.safetensors"; }
  /// The refusal of a run with `change` at the step of the parameter.
  std::string refusal_with(const std::function<void()>& change) {
    Listener listener;
    listener.at_step = [&](std::string_view step) {
      if (step == GetParam()) change();
    };
    return refusal<FormatError>([&] { convert(request_, listener); });
  }
};

INSTANTIATE_TEST_SUITE_P(Steps, ShrinkingSourceTest, ::testing::Values("write", "verify"),
                         [](const auto& step) { return std::string(step.param); });

TEST_P(ShrinkingSourceTest, IsReportedAndLeavesNothing) {
  const auto bytes = fs::file_size(weights());
  for (const std::uintmax_t left : {bytes - 1, bytes / 2, std::uintmax_t{8}, std::uintmax_t{0}}) {
    small_checkpoint().write_folder(dir_ / "in/small");
    EXPECT_THAT(refusal_with([&] { fs::resize_file(weights(), left); }),
                AllOf(StartsWith(weights().string() +
                                 ": the file changed while weightlift read it: expected "),
                      HasSubstr(fmt::format("bytes, got {}", left))));
    EXPECT_THAT(names_in(dir_.path()), ElementsAre("in"));
  }
}

TEST_P(ShrinkingSourceTest, ReportsAModifiedSourceAndLeavesNothing) {
  const auto write_into = [&] {
    const auto before = fs::last_write_time(weights());
    std::fstream file(weights(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-4, std::ios::end).write("\0\0\0\0", 4);
    file.close();
    fs::last_write_time(weights(), before + std::chrono::seconds(1));
  };
  EXPECT_THAT(refusal_with(write_into),
              StartsWith(weights().string() + ": the file changed while weightlift read it: its "
                                              "modification time differs"));
  EXPECT_THAT(names_in(dir_.path()), ElementsAre("in"));
}

}  // namespace
}  // namespace weightlift
