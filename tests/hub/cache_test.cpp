#include "weightlift/hub/cache.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <chrono>

#include "tests/support/folder.h"
#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "weightlift/base/message.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::names_in;
using testing::read_file;
using testing::refusal;
using testing::TempDir;
using testing::write_file;

constexpr const char* kCommit = "0123456789abcdef0123456789abcdef01234567";
constexpr const char* kOther = "1123456789abcdef0123456789abcdef01234567";

class RepoCacheTest : public ::testing::Test {
 protected:
  TempDir dir_;
  RepoCache cache_{dir_ / "hub", RepoId::parse("alice/m")};
  fs::path repo_ = dir_ / "hub/models--alice--m";
};

TEST_F(RepoCacheTest, HasTheLayoutOfHuggingfaceHub) {
  cache_.prepare(kCommit);
  cache_.write_ref("main", kCommit);
  cache_.write_ref("refs/pr/1", kCommit);
  cache_.link(kCommit, "a.txt", "x1");
  cache_.link(kCommit, "sub/dir/a.txt", "x1");
  EXPECT_EQ(read_file(repo_ / "refs/main"), kCommit);
  EXPECT_EQ(read_file(repo_ / "refs/refs/pr/1"), kCommit);
  const fs::path snapshot = repo_ / "snapshots" / kCommit;
  EXPECT_EQ(fs::read_symlink(snapshot / "a.txt"), "../../blobs/x1");
  EXPECT_EQ(fs::read_symlink(snapshot / "sub/dir/a.txt"), "../../../../blobs/x1");
  write_file(repo_ / "blobs/x1", "content");
  EXPECT_EQ(read_file(snapshot / "sub/dir/a.txt"), "content");
  EXPECT_THAT(read_file(dir_ / "hub/CACHEDIR.TAG"),
              ::testing::StartsWith("Signature: 8a477f597d28d172789f06886806bc55\n"));
  EXPECT_THAT(names_in(snapshot), ElementsAre("a.txt", "sub"));
}

TEST_F(RepoCacheTest, ReadsTheCommitOfARevision) {
  EXPECT_EQ(cache_.commit_of("main"), std::nullopt);
  EXPECT_EQ(cache_.commit_of(kCommit), kCommit);
  write_file(repo_ / "refs/main", std::string(kOther) + "\n");
  EXPECT_EQ(cache_.commit_of("main"), kOther);
  write_file(repo_ / "refs/main", "something else");
  EXPECT_EQ(cache_.commit_of("main"), std::nullopt);
}

TEST_F(RepoCacheTest, WritesARefOnlyIfItChanged) {
  cache_.write_ref("main", kCommit);
  const auto before = fs::last_write_time(repo_ / "refs/main");
  fs::last_write_time(repo_ / "refs/main", before - std::chrono::hours(1));
  cache_.write_ref("main", kCommit);
  EXPECT_EQ(fs::last_write_time(repo_ / "refs/main"), before - std::chrono::hours(1));
  cache_.write_ref("main", kOther);
  EXPECT_EQ(read_file(repo_ / "refs/main"), kOther);
  EXPECT_THAT(names_in(repo_ / "refs"), ElementsAre("main"));
}

TEST_F(RepoCacheTest, LinkReplacesAnExistingFile) {
  write_file(repo_ / "snapshots" / kCommit / "a", "old");
  cache_.link(kCommit, "a", "x1");
  EXPECT_TRUE(fs::is_symlink(repo_ / "snapshots" / kCommit / "a"));
}

TEST_F(RepoCacheTest, RefusesUnsafePaths) {
  const auto refused = [&](const char* path) {
    return refusal<HubError>([&] { cache_.link(kCommit, path, "x1"); });
  };
  for (const char* path : {"../x", "a/../../x", "/etc/passwd", "a//b", "", ".", "a/", "a\\..\\b",
                           "C:x", ".git/hooks/x", "sub/.GIT/x", "a\nb"}) {
    EXPECT_THAT(refused(path), HasSubstr("unsafe path in a repository: it has ")) << path;
  }
  EXPECT_THAT(refused(std::string(300, 'a').c_str()), HasSubstr("more than 255 bytes"));
  EXPECT_FALSE(fs::exists(repo_));
}

TEST_F(RepoCacheTest, RefusesUnsafeEtags) {
  for (const char* etag : {"", "../x", "a/b", ".hidden", "a\"b", "a b"}) {
    EXPECT_THAT(refusal<HubError>([&] { cache_.blob(etag); }),
                HasSubstr("unsafe ETag: only letters"))
        << etag;
  }
}

TEST_F(RepoCacheTest, LockMakesOthersWait) {
  const fs::path path = dir_ / "hub/.locks/models--alice--m/x1.lock";
  int waits = 0;
  const auto wait = [&] {
    if (++waits > 1) throw Interrupted(2);
  };
  {
    const FileLock lock = cache_.lock("x1", wait);
    EXPECT_TRUE(lock.is_held());
    EXPECT_EQ(refusal<Interrupted>([&] { cache_.lock("x1", wait); }), "interrupted");
  }
  EXPECT_TRUE(cache_.lock("x1", wait).is_held());
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_size, 0);
}

}  // namespace
}  // namespace weightlift
