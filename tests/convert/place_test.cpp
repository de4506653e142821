// Places that accept a new folder, and places that do not.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "tests/convert/job.h"
#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "tests/support/timm_checkpoint.h"
#include "weightlift/base/message.h"
#include "weightlift/convert/source_name.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::files_of;
using ::testing::HasSubstr;
using testing::names_in;
using testing::read_file;
using testing::refusal;
using testing::request_for;
using testing::run;
using testing::small_checkpoint;
using ::testing::StartsWith;
using testing::TempDir;
using testing::write_file;

class PlaceTest : public ::testing::Test {
 protected:
  PlaceTest() {
    small_checkpoint().write_folder(dir_ / "in/small");
    request_ = request_for(dir_ / "in/small", dir_ / "out");
  }
  std::string refusal_of_place() {
    return refusal<Error>([&] { run(request_); });
  }
  TempDir dir_;
  ConversionRequest request_;
};

TEST_F(PlaceTest, CreatesMissingParents) {
  request_.output = dir_ / "a/b/c";
  EXPECT_EQ(run(request_).folder, dir_ / "a/b/c/small");
}

TEST_F(PlaceTest, RefusesAnExistingFolder) {
  write_file(dir_ / "out/small/mine", "x");
  EXPECT_THAT(refusal_of_place(),
              StartsWith((dir_ / "out/small").string() + ": already exists; replace()"));
  EXPECT_THAT(names_in(dir_ / "out/small"), ElementsAre("mine"));
}

TEST_F(PlaceTest, ReplacesAnExistingFolderWithForce) {
  write_file(dir_ / "out/small/config.json", "{}");
  request_.force = true;
  EXPECT_TRUE(run(request_).written);
  EXPECT_EQ(names_in(dir_ / "out/small").size(), 4U);
  EXPECT_THAT(names_in(dir_ / "out"), ElementsAre("small"));
}

TEST_F(PlaceTest, DoesNotReplaceOtherFoldersWithForce) {
  write_file(dir_ / "out/small/holiday.jpg", "x");
  request_.force = true;
  EXPECT_THAT(refusal_of_place(),
              HasSubstr("out/small: not a model folder (no config.json, but holiday.jpg), so "
                        "weightlift does not replace it; choose-name()"));
  EXPECT_EQ(read_file(dir_ / "out/small/holiday.jpg"), "x");
}

TEST_F(PlaceTest, KeepsTheOldFolderAfterAFailedRun) {
  write_file(dir_ / "out/small/config.json", "{}");
  request_.force = true;
  request_.dtype = DType::BF16;
  request_.verify_options.rtol = 0;
  request_.verify_options.atol = 0;
  EXPECT_FALSE(run(request_).written);
  EXPECT_THAT(names_in(dir_ / "out/small"), ElementsAre("config.json"));
  EXPECT_THAT(names_in(dir_ / "out"), ElementsAre("small"));
}

TEST_F(PlaceTest, RefusesAnExistingFileEvenWithForce) {
  write_file(dir_ / "out/small", "x");
  for (const bool force : {false, true}) {
    request_.force = force;
    EXPECT_THAT(refusal_of_place(),
                HasSubstr("out/small: already exists as a regular file; choose-name()"));
    EXPECT_EQ(read_file(dir_ / "out/small"), "x");
  }
}

TEST_F(PlaceTest, RefusesAFileAsParent) {
  write_file(dir_ / "out", "x");
  EXPECT_THAT(refusal_of_place(), HasSubstr("out: expected a folder, got a regular file"));
  request_.output = dir_ / "out/deeper";
  EXPECT_THAT(refusal_of_place(), HasSubstr("out: expected a folder, got a regular file"));
  EXPECT_EQ(read_file(dir_ / "out"), "x");
}

TEST_F(PlaceTest, RefusesTheKernelsFolders) {
  request_.output = "/proc";
  EXPECT_THAT(refusal_of_place(), AllOf(HasSubstr("/proc"), HasSubstr("cannot ")));
}

TEST_F(PlaceTest, RefusesToReplaceTheSource) {
  const auto before = files_of(dir_ / "in/small");
  request_.force = true;
  request_.output = dir_ / "in";
  EXPECT_THAT(refusal_of_place(),
              AllOf(HasSubstr("in/small: contains the source, "), HasSubstr("choose-output()")));
  request_.source = (dir_ / "in/small/model.safetensors").string();
  request_.name = "small";
  EXPECT_THAT(refusal_of_place(), HasSubstr("in/small: contains the source, "));
  fs::create_directory_symlink(dir_ / "in", dir_ / "link");
  request_.output = dir_ / "link";
  EXPECT_THAT(refusal_of_place(), HasSubstr("link/small: contains the source, "));
  EXPECT_EQ(files_of(dir_ / "in/small"), before);
}

TEST_F(PlaceTest, AcceptsFoldersNextToAndInsideTheSource) {
  request_.output = dir_ / "in";
  request_.name = "other";
  EXPECT_TRUE(run(request_).written);
  request_.output = dir_ / "in/small";
  EXPECT_TRUE(run(request_).written);
}

/// Gives up root's privileges for its lifetime, so that file permissions apply.
class Unprivileged {
 public:
  Unprivileged() : root_(::geteuid() == 0 && ::seteuid(kNobody) == 0) {}
  ~Unprivileged() {
    if (root_ && ::seteuid(0) != 0) ::abort();
  }
  Unprivileged(const Unprivileged&) = delete;
  Unprivileged& operator=(const Unprivileged&) = delete;

 private:
  static constexpr uid_t kNobody = 65534;
  bool root_;
};

TEST_F(PlaceTest, RefusesAReadOnlyParent) {
  fs::create_directory(dir_ / "out");
  ::chmod(dir_.path().c_str(), 0755);
  ::chmod((dir_ / "out").c_str(), 0555);
  std::string message;
  {
    const Unprivileged user;
    message = refusal_of_place();
  }
  EXPECT_THAT(message,
              AllOf(HasSubstr("out: cannot write to this folder"), HasSubstr("Permission denied")));
}

TEST_F(PlaceTest, RefusesAnUnreadableSource) {
  ::chmod(dir_.path().c_str(), 0755);
  ::chmod((dir_ / "in").c_str(), 0700);
  std::string message;
  {
    const Unprivileged user;
    message = refusal_of_place();
  }
  EXPECT_THAT(message,
              AllOf(StartsWith((dir_ / "in/small").string()), HasSubstr("Permission denied")));
  ::chmod((dir_ / "in").c_str(), 0755);
  ::chmod((dir_ / "in/small").c_str(), 0311);
  {
    const Unprivileged user;
    message = refusal_of_place();
  }
  EXPECT_THAT(message,
              AllOf(StartsWith((dir_ / "in/small").string()), HasSubstr("Permission denied")));
}

/// Limits files to `bytes` for its lifetime, as a full disk would.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST_F(PlaceTest, ReportsAFullDiskAndLeavesNothing) {
  for (const rlim_t bytes : {0U, 1000U, 100'000U}) {
    std::string message;
    {
      const FileSizeLimit limit(bytes);
      message = refusal_of_place();
    }
    EXPECT_THAT(message, AllOf(HasSubstr("model.safetensors: "), HasSubstr("File too large")));
    EXPECT_THAT(names_in(dir_.path()), ElementsAre("in"));
  }
}

TEST_F(PlaceTest, KeepsTheFolderToReplaceOnAFullDisk) {
  run(request_);
  const auto before = files_of(dir_ / "out/small");
  request_.force = true;
  {
    const FileSizeLimit limit(1000);
    EXPECT_THAT(refusal_of_place(), HasSubstr("File too large"));
  }
  EXPECT_EQ(files_of(dir_ / "out/small"), before);
  EXPECT_THAT(names_in(dir_ / "out"), ElementsAre("small"));
}

TEST(PlannedFolderTest, HasTheNameOfTheSource) {
  const auto planned = [](const std::string& source) {
    return planned_folder(request_for(source, "out"), strip_known_ending(last_part_of(source)));
  };
  EXPECT_EQ(planned("resnet50"), "out/resnet-50");
  EXPECT_EQ(planned("some/where/resnet18.tv_in1k"), "out/resnet-18.tv_in1k");
  EXPECT_EQ(planned("flowers-r18/"), "out/flowers-r18");
  EXPECT_EQ(planned("a/../flowers"), "out/flowers");
  EXPECT_EQ(planned("best.pth.tar"), "out/best");
  EXPECT_EQ(planned("resnet34.a1_in1k.safetensors"), "out/resnet-34");
}

TEST(PlannedFolderTest, IsTheNewFolder) {
  const TempDir dir;
  for (const char* name : {"resnet18", "resnet18.tv_in1k", "mine", "resnet18.unheard_of"}) {
    small_checkpoint().write_folder(dir / name);
    ConversionRequest request = request_for(dir / name, dir / "out");
    request.dry_run = true;
    EXPECT_EQ(planned_folder(request, parse_source_name(request.source).last_part),
              run(request).folder);
  }
}

}  // namespace
}  // namespace weightlift
