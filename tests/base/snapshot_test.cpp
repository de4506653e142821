#include "weightlift/base/snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "weightlift/base/message.h"
#include "weightlift/base/wrong_download.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::TempDir;
using testing::write_file;

const std::string kCommit(40, 'a');
const std::string kOther(40, 'b');

TEST(SnapshotTest, FindsTheSnapshotOfMain) {
  const TempDir dir;
  const fs::path root = dir / "models--me--flowers";
  fs::create_directories(root / "snapshots" / kCommit);
  EXPECT_EQ(resolve_snapshot(root), root / "snapshots" / kCommit);
  fs::create_directories(root / "snapshots" / kOther);
  EXPECT_THAT(testing::refusal<MismatchError>([&] { resolve_snapshot(root); }),
              HasSubstr("expected one snapshot of a cached repository, got 2; advice(use one of "));
  fs::create_directories(root / "refs");
  write_file(root / "refs/main", kOther + "\n");
  EXPECT_EQ(resolve_snapshot(root), root / "snapshots" / kOther);
}

TEST(SnapshotTest, LeavesOtherFoldersAlone) {
  const TempDir dir;
  EXPECT_EQ(resolve_snapshot(dir.path()), dir.path());
  fs::create_directories(dir / "snapshots");
  EXPECT_EQ(resolve_snapshot(dir.path()), dir.path());
  fs::create_directories(dir / "snapshots" / kCommit);
  write_file(dir / "config.json", "{}");  // a model folder with snapshots of its own
  EXPECT_EQ(resolve_snapshot(dir.path()), dir.path());
}

TEST(SnapshotTest, NeverLeavesTheRepository) {
  const TempDir dir;
  const fs::path root = dir / "models--me--flowers";
  fs::create_directories(root / "snapshots" / kCommit);
  fs::create_directories(dir / "secret");
  fs::create_directories(root / "refs");
  write_file(root / "refs/main", "../../secret");
  EXPECT_EQ(resolve_snapshot(root), root / "snapshots" / kCommit);
}

TEST(SnapshotTest, NamesCachedRepositories) {
  EXPECT_EQ(name_of_cached("/c/hub/models--timm--resnet50.a1_in1k"), "resnet50.a1_in1k");
  EXPECT_EQ(name_of_cached("/c/hub/models--timm--resnet50.a1_in1k/"), "resnet50.a1_in1k");
  EXPECT_EQ(name_of_cached("/c/models--gpt2"), "gpt2");
  EXPECT_EQ(name_of_cached("/c/models--me--a/snapshots/" + kCommit), "a");
  EXPECT_EQ(name_of_cached("/c/models--me--a/snapshots/" + kCommit + "/model.safetensors"), "a");
  EXPECT_EQ(name_of_cached("/c/models--me--a/snapshots/" + kCommit + "/best.pth"), "");
  EXPECT_EQ(name_of_cached("/c/snapshots/" + kCommit), "");
  EXPECT_EQ(name_of_cached("/c/model.safetensors"), "");
  EXPECT_EQ(name_of_cached("/"), "");
}

TEST(WrongDownloadTest, RecognizesWhatDownloadsLeave) {
  EXPECT_EQ(find_wrong_download("version https://git-lfs.github.com/spec/v1\n").what,
            "a git-lfs pointer");
  EXPECT_EQ(find_wrong_download("\n <!DOCTYPE HTML>").what, "an HTML page");
  EXPECT_EQ(find_wrong_download("\xEF\xBB\xBF<html lang=en>").what, "an HTML page");
  EXPECT_EQ(find_wrong_download("<?xml version='1.0'?>").what, "an XML document");
  EXPECT_EQ(find_wrong_download("hello").what, "");
  EXPECT_EQ(find_wrong_download("").what, "");
}

}  // namespace
}  // namespace weightlift
