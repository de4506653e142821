#include "weightlift/base/temp_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>

#include "tests/base/child.h"
#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "weightlift/base/message.h"
#include "weightlift/base/owner_tag.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using testing::Child;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using testing::forbid_system_call;
using ::testing::HasSubstr;
using testing::in_child;
using testing::in_unprivileged_child;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using testing::read_file;
using testing::refusal;
using ::testing::SizeIs;
using ::testing::StartsWith;
using testing::TempDir;
using ::testing::ThrowsMessage;
using ::testing::UnorderedElementsAre;
using testing::write_file;
using Existing = TempFolder::Existing;

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  return names;
}

/// Publishes `parent/name` with the files a and b, both of this content.
void publish_pair(const fs::path& parent, const std::string& name, const std::string& content,
                  Existing existing) {
  remove_stale_folders(parent);
  TempFolder folder(parent, name);
  write_file(folder.path() / "a", content);
  write_file(folder.path() / "b", content);
  folder.publish(existing);
}

/// A process that creates a TempFolder with a file in it, and sleeps.
class Maker {
 public:
  explicit Maker(const fs::path& parent)
      : child_([&] {
          TempFolder folder(parent, "m");
          write_file(folder.path() / "half", "written");
          write_file(parent / "ready", "");
          for (;;) ::pause();
        }) {
    while (!fs::exists(parent / "ready")) std::this_thread::yield();
    fs::remove(parent / "ready");
  }
  void kill() { child_.kill(); }

 private:
  Child child_;
};

/// A name as a process that is gone left it here. `boot`: another boot id.
std::string left_name(const std::string& suffix = "aaaaaa", const std::string& boot = "") {
  std::string tag = in_child([] { return owner_tag(); });
  if (!boot.empty()) tag.replace(0, tag.find('-'), boot);
  return fmt::format(".m.weightlift-{}-{}", tag, suffix);
}

TEST(TempFolderTest, IsBuiltUnderAnotherNameAndThenRenamed) {
  const TempDir dir;
  TempFolder folder(dir.path(), "m");
  EXPECT_THAT(folder.path().string(),
              AllOf(StartsWith(dir.path().string() + "/"),
                    MatchesRegex(".*/\\.m\\.weightlift-[0-9a-f]{12}-[0-9a-ft]+-" +
                                 std::to_string(::getpid()) + "-[0-9]+-[A-Za-z0-9]{6}")));
  write_file(folder.path() / "f", "content");
  EXPECT_FALSE(fs::exists(dir / "m"));
  EXPECT_EQ(folder.publish(Existing::kRefuse), dir / "m");
  EXPECT_EQ(read_file(dir / "m/f"), "content");
  EXPECT_THAT(names_in(dir.path()), ElementsAre("m"));
}

TEST(TempFolderTest, LeavesNothingUnlessPublished) {
  const TempDir dir;
  {
    const TempFolder folder(dir.path(), "m");
    write_file(folder.path() / "deep/er/f", "content");
  }
  EXPECT_THAT(names_in(dir.path()), IsEmpty());
}

TEST(TempFolderTest, RemovesOnlyTheParentsThatItCreated) {
  const TempDir dir;
  fs::create_directory(dir / "mine");
  { const TempFolder folder(dir / "mine/x/y/z", "m"); }
  EXPECT_THAT(names_in(dir.path()), ElementsAre("mine"));
  EXPECT_THAT(names_in(dir / "mine"), IsEmpty());
  {
    const TempFolder folder(dir / "mine/x/y", "m");
    write_file(dir / "mine/x/other", "of another program");
  }
  EXPECT_THAT(names_in(dir / "mine/x"), ElementsAre("other"));
}

TEST(TempFolderTest, KeepsTheParentsOfAPublishedFolder) {
  const TempDir dir;
  publish_pair(dir / "x/y/", "m", "1", Existing::kRefuse);
  EXPECT_EQ(read_file(dir / "x/y/m/a"), "1");
}

TEST(TempFolderTest, AcceptsRelativeParents) {
  const TempDir dir;
  EXPECT_EQ(in_child([&]() -> std::string {
              fs::current_path(dir.path());
              publish_pair("", "m", "1", Existing::kRefuse);
              publish_pair(".", "n", "2", Existing::kRefuse);
              publish_pair("x/", "o", "3", Existing::kRefuse);
              return read_file("m/a") + read_file("n/a") + read_file("x/o/a");
            }),
            "123");
}

TEST(TempFolderTest, HasTheModeOfTheUmask) {
  const TempDir dir;
  const mode_t before = ::umask(022);
  publish_pair(dir.path(), "m", "1", Existing::kRefuse);
  ::umask(027);
  publish_pair(dir.path(), "n", "1", Existing::kRefuse);
  ::umask(before);
  EXPECT_EQ(fs::status(dir / "m").permissions(), fs::perms(0755));
  EXPECT_EQ(fs::status(dir / "m/a").permissions(), fs::perms(0644));
  EXPECT_EQ(fs::status(dir / "n").permissions(), fs::perms(0750));
}

TEST(TempFolderTest, RefusesAnExistingFolder) {
  const TempDir dir;
  write_file(dir / "m/f", "old");
  fs::create_directory(dir / "empty");
  for (const std::string name : {"m", "empty"}) {
    EXPECT_EQ(
        refusal<ExistsError>([&] { publish_pair(dir.path(), name, "new", Existing::kRefuse); }),
        (dir / name).string() + ": already exists; replace()");
  }
  EXPECT_EQ(read_file(dir / "m/f"), "old");
  EXPECT_THAT(names_in(dir / "empty"), IsEmpty());
  EXPECT_THAT(names_in(dir.path()), UnorderedElementsAre("m", "empty"));
}

TEST(TempFolderTest, ReplacesAnExistingFolderWhole) {
  const TempDir dir;
  write_file(dir / "m/old/f", "old");
  publish_pair(dir.path(), "m", "new", Existing::kReplace);
  EXPECT_THAT(names_in(dir / "m"), UnorderedElementsAre("a", "b"));
  EXPECT_EQ(read_file(dir / "m/a"), "new");
  EXPECT_THAT(names_in(dir.path()), ElementsAre("m"));
}

TEST(TempFolderTest, AcceptsAFreeNameWithReplace) {
  const TempDir dir;
  publish_pair(dir.path(), "m", "new", Existing::kReplace);
  EXPECT_EQ(read_file(dir / "m/b"), "new");
}

TEST(TempFolderTest, ReplacesOnlyFolders) {
  const TempDir dir;
  write_file(dir / "file", "old");
  write_file(dir / "real/f", "old");
  fs::create_symlink("real", dir / "link");
  fs::create_symlink("nowhere", dir / "broken");
  for (const Existing existing : {Existing::kRefuse, Existing::kReplace}) {
    EXPECT_EQ(refusal<ExistsError>([&] { publish_pair(dir.path(), "file", "new", existing); }),
              (dir / "file").string() + ": already exists as a regular file; choose-name()");
    for (const std::string name : {"link", "broken"}) {
      EXPECT_EQ(refusal<ExistsError>([&] { publish_pair(dir.path(), name, "new", existing); }),
                (dir / name).string() + ": already exists as a symbolic link; choose-name()");
    }
  }
  EXPECT_EQ(read_file(dir / "file"), "old");
  EXPECT_THAT(names_in(dir / "real"), ElementsAre("f"));
  EXPECT_THAT(names_in(dir.path()), UnorderedElementsAre("file", "real", "link", "broken"));
}

TEST(TempFolderTest, ReportsWhyTheOldFolderCannotBeReplaced) {
  const TempDir dir;
  fs::permissions(dir.path(), fs::perms(0777));
  write_file(dir / "m/f", "old");
  fs::permissions(dir / "m", fs::perms(0555));
  EXPECT_THAT(in_unprivileged_child([&] {
                publish_pair(dir.path(), "m", "new", Existing::kReplace);
                return "replaced";
              }),
              EndsWith("/m: cannot replace the existing folder: Permission denied"));
  EXPECT_EQ(read_file(dir / "m/f"), "old");
  EXPECT_THAT(names_in(dir.path()), ElementsAre("m"));
}

TEST(TempFolderTest, RefusesBadParents) {
  const TempDir dir;
  write_file(dir / "file", "");
  fs::create_symlink("nowhere", dir / "broken");
  const std::string got_file =
      (dir / "file").string() + ": expected a folder, got a regular file; choose-output()";
  EXPECT_EQ(refusal<IoError>([&] { TempFolder(dir / "file", "m"); }), got_file);
  EXPECT_EQ(refusal<IoError>([&] { TempFolder(dir / "file/x/y", "m"); }), got_file);
  EXPECT_EQ(refusal<NotFoundError>([&] { TempFolder(dir / "broken/x", "m"); }),
            (dir / "broken").string() + ": broken symbolic link; choose-output()");
  EXPECT_THAT(names_in(dir.path()), UnorderedElementsAre("file", "broken"));
}

TEST(TempFolderTest, RefusesAParentThatIsNotWritable) {
  const TempDir dir;
  fs::permissions(dir.path(), fs::perms(0555));
  for (const auto& parent : {dir.path(), dir / "x/y"}) {
    EXPECT_THAT(in_unprivileged_child([&] {
                  const TempFolder folder(parent, "m");
                  return "made";
                }),
                dir.path().string() + ": cannot write to this folder: Permission denied");
  }
  fs::permissions(dir.path(), fs::perms(0755));
}

TEST(TempFolderTest, RefusesBadNames) {
  const TempDir dir;
  for (const std::string name : {"", ".", "..", "a/b", "/a"}) {
    EXPECT_EQ(refusal<UsageError>([&] { TempFolder(dir.path(), name); }),
              (name.empty() ? "''" : name) +
                  ": not a folder name: expected one part of a path, 1 to 255 bytes; "
                  "choose-name()");
  }
  EXPECT_THAT(refusal<UsageError>([&] { TempFolder(dir.path(), std::string("a\0b", 3)); }),
              StartsWith("a\\x00b: not a folder name: "));
  EXPECT_THAT(refusal<UsageError>([&] { TempFolder(dir.path(), std::string(256, 'x')); }),
              EndsWith("1 to 255 bytes; choose-name()"));
  publish_pair(dir.path(), std::string(255, 'x'), "1", Existing::kRefuse);
  publish_pair(dir.path(), std::string(255, 'x'), "2", Existing::kReplace);
}

TEST(RequirePlaceTest, ChecksWithoutWriting) {
  const TempDir dir;
  write_file(dir / "m/f", "old");
  write_file(dir / "file", "old");
  require_place(dir / "x/y", "m", Existing::kRefuse);
  require_place(dir.path(), "free", Existing::kRefuse);
  require_place(dir.path(), "m", Existing::kReplace);
  const auto refused = [&](const fs::path& parent, const std::string& name, Existing existing) {
    return refusal<Error>([&] { require_place(parent, name, existing); });
  };
  EXPECT_THAT(refused(dir.path(), "m", Existing::kRefuse),
              EndsWith("/m: already exists; replace()"));
  EXPECT_THAT(refused(dir.path(), "file", Existing::kReplace),
              EndsWith("/file: already exists as a regular file; choose-name()"));
  EXPECT_THAT(refused(dir / "file", "m", Existing::kRefuse),
              HasSubstr("expected a folder, got a regular file"));
  EXPECT_THAT(refused(dir.path(), "..", Existing::kRefuse), StartsWith("..: not a folder name: "));
  EXPECT_THAT(names_in(dir.path()), UnorderedElementsAre("m", "file"));
}

TEST(StaleFolderTest, OfADeadProcessIsRemovedByTheNextRun) {
  const TempDir dir;
  Maker maker(dir.path());
  maker.kill();
  EXPECT_THAT(names_in(dir.path()), ElementsAre(StartsWith(".m.weightlift-")));
  publish_pair(dir.path(), "n", "1", Existing::kRefuse);
  EXPECT_THAT(names_in(dir.path()), ElementsAre("n"));
}

TEST(StaleFolderTest, OfALiveProcessStays) {
  const TempDir dir;
  const Maker maker(dir.path());
  publish_pair(dir.path(), "n", "1", Existing::kRefuse);
  const auto names = names_in(dir.path());
  ASSERT_THAT(names, UnorderedElementsAre(StartsWith(".m.weightlift-"), "n"));
  for (const auto& name : names) {
    if (name == "n") continue;
    EXPECT_EQ(read_file(dir / name / "half"), "written");
  }
}

TEST(StaleFolderTest, IsRecognizedByItsExactName) {
  const TempDir dir;
  const std::string left = left_name();
  const std::string tag = in_child([] { return owner_tag(); });
  const std::vector<std::string> others = {
      ".weightlift-abcdef",
      ".m.weightlift-abcde",
      ".m.weightlift-abcdefg",
      left.substr(1),
      ".m.weightlift-abc_ef",
      ".m.weightlift-" + tag + "-abcde",
      ".m.weightliftxabcdef",
      ".m.weightlift-",
      ".m.weightlift-" + tag + "-abc_ef",
      "." + left.substr(3),
      left + "x",
      ".m.weightlift-x-" + tag + "-abcdef",
  };
  for (const auto& name : others) write_file(dir / name / "f", "mine");
  write_file(dir / left / "f", "left behind");
  publish_pair(dir.path(), "n", "1", Existing::kRefuse);
  for (const auto& name : others) EXPECT_EQ(read_file(dir / name / "f"), "mine") << name;
  EXPECT_THAT(names_in(dir.path()), SizeIs(others.size() + 1));
}

TEST(StaleFolderTest, OfAnUnknownProcessIsListedAndStays) {
  const TempDir dir;
  const std::string tag = owner_tag();
  const std::string rest = tag.substr(tag.find('-'));  // of this PID, in another boot
  const std::vector<std::string> others = {
      left_name("aaaaaa", "0123456789ab"),
      fmt::format(".m.weightlift-0123456789ab{}-bbbbbb", rest),
      ".m.weightlift-cccccc",      // of an older version
      ".m.weightlift-old-dddddd",  // a replaced folder
      left_name("eeeeee", "unknown"),
      fmt::format(".m.weightlift-{}-1-1-1-ffffff", tag.substr(0, 12)),
  };
  for (const auto& name : others) write_file(dir / name / "f", "not ours");
  EXPECT_THAT(remove_stale_folders(dir.path()), SizeIs(others.size()));
  for (const auto& name : others) EXPECT_EQ(read_file(dir / name / "f"), "not ours") << name;
}

TEST(StaleFolderTest, OfAnotherPidNamespaceStays) {
  const TempDir dir;
  std::string name = left_name();
  const std::size_t space = name.find('-', name.find('-') + 1) + 1;
  name.replace(space, name.find('-', space) - space, "123");
  write_file(dir / name / "f", "not ours");
  EXPECT_THAT(remove_stale_folders(dir.path()), ElementsAre(name));
}

TEST(StaleFolderTest, OfAReusedPidIsRemoved) {
  const TempDir dir;
  const std::string tag = owner_tag();
  const std::string name =
      fmt::format(".m.weightlift-{}-1-aaaaaa", tag.substr(0, tag.rfind('-')));  // another start
  write_file(dir / name / "f", "left behind");
  EXPECT_THAT(remove_stale_folders(dir.path()), IsEmpty());
  EXPECT_THAT(names_in(dir.path()), IsEmpty());
}

TEST(StaleFolderTest, OfAZombieIsRemoved) {
  const TempDir dir;
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string tag = owner_tag();
    const bool told = ::write(ends[1], tag.data(), tag.size()) == static_cast<ssize_t>(tag.size());
    ::_exit(told ? 0 : 1);
  }
  std::array<char, 256> tag{};
  const ssize_t length = ::read(ends[0], tag.data(), tag.size());
  ASSERT_GT(length, 0);
  siginfo_t ended{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT), 0);
  write_file(dir /
                 fmt::format(".m.weightlift-{}-aaaaaa",
                             std::string_view(tag.data(), static_cast<std::size_t>(length))) /
                 "f",
             "left behind");
  EXPECT_THAT(remove_stale_folders(dir.path()), IsEmpty());
  EXPECT_THAT(names_in(dir.path()), IsEmpty());
  ::waitpid(child, nullptr, 0);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(StaleFolderTest, IsAFolderAndNotALinkToOne) {
  const TempDir dir;
  const std::string file = left_name("aaaaaa"), link = left_name("bbbbbb");
  write_file(dir / "real/f", "mine");
  write_file(dir / file, "a file");
  fs::create_symlink("real", dir / link);
  publish_pair(dir.path(), "n", "1", Existing::kRefuse);
  EXPECT_EQ(read_file(dir / file), "a file");
  EXPECT_EQ(read_file(dir / link / "f"), "mine");
}

TEST(StaleFolderTest, IsRemovedWithoutFollowingLinks) {
  const TempDir dir;
  const std::string left = left_name();
  write_file(dir / "real/f", "mine");
  fs::create_directory(dir / left);
  fs::create_directory_symlink(dir / "real", dir / left / "link");
  publish_pair(dir.path(), "n", "1", Existing::kRefuse);
  EXPECT_EQ(read_file(dir / "real/f"), "mine");
  EXPECT_THAT(names_in(dir.path()), UnorderedElementsAre("real", "n"));
}

TEST(StaleFolderTest, OfAnotherUserStays) {
  const TempDir dir;
  const auto left = dir / left_name();
  fs::create_directory(left);
  // Only root can change the owner; for others the folder stays their own, and is removed.
  const bool given = ::chown(left.c_str(), 65534, 65534) == 0;
  publish_pair(dir.path(), "n", "1", Existing::kRefuse);
  EXPECT_EQ(fs::exists(left), given);
}

/// Sets the time of a folder and of its files to a number of hours ago.
void make_older(const fs::path& folder, int hours) {
  const auto time = fs::file_time_type::clock::now() - std::chrono::hours(hours);
  for (const auto& entry : fs::directory_iterator(folder)) fs::last_write_time(entry, time);
  fs::last_write_time(folder, time);
}

TEST(AbandonedFolderTest, OnlyOldOnesOfOtherMachinesAreRemoved) {
  const TempDir dir;
  const std::string old = left_name("aaaaaa", "0123456789ab");
  const std::string young = left_name("bbbbbb", "0123456789ab"),
                    busy = left_name("cccccc", "0123456789ab");
  for (const auto& name : {old, young, busy}) {
    write_file(dir / name / "f", "not ours");
    make_older(dir / name, name == young ? 23 : 25);
  }
  write_file(dir / busy / "f", "still written");
  write_file(dir / "n/f", "a model");
  make_older(dir / "n", 99);
  AbandonedFolders found = remove_abandoned_folders(dir.path(), std::nullopt);
  EXPECT_THAT(found.removed, IsEmpty());
  EXPECT_THAT(found.kept, ElementsAre(old, young, busy));
  found = remove_abandoned_folders(dir.path(), std::chrono::hours(24));
  EXPECT_THAT(found.removed, ElementsAre(old));
  EXPECT_THAT(found.kept, ElementsAre(young, busy));
  EXPECT_THAT(names_in(dir.path()), UnorderedElementsAre("n", young, busy));
}

TEST(AbandonedFolderTest, AReplacedFolderIsKeptWhereItIsTheOnlyCopy) {
  const TempDir dir;
  for (const char* const name : {".m.weightlift-old-aaaaaa", ".n.weightlift-old-bbbbbb"}) {
    write_file(dir / name / "f", "old");
    make_older(dir / name, 48);
  }
  write_file(dir / "m/f", "new");
  const AbandonedFolders found = remove_abandoned_folders(dir.path(), std::chrono::hours(24));
  EXPECT_THAT(found.removed, ElementsAre(".m.weightlift-old-aaaaaa"));
  EXPECT_THAT(found.kept, ElementsAre(".n.weightlift-old-bbbbbb"));
}

TEST(AbandonedFolderTest, WhatMayBeAUsersIsKept) {
  const TempDir dir;
  const std::string backup = ".m.weightlift-backup", deep = left_name("aaaaaa", "0123456789ab");
  const std::string old = ".n.weightlift-old-bbbbbb";
  write_file(dir / backup / "f", "mine");
  write_file(dir / deep / "inner/f", "x");
  write_file(dir / old / "f", "the only copy");
  fs::create_symlink("nowhere", dir / "n");
  for (const auto& name : {backup, deep, old}) make_older(dir / name, 48);
  make_older(dir / deep / "inner", 1);
  make_older(dir / deep, 48);
  fs::last_write_time(dir / deep / "inner",
                      fs::file_time_type::clock::now() - std::chrono::hours(48));
  EXPECT_THAT(remove_abandoned_folders(dir.path(), std::chrono::hours(24)).removed, IsEmpty());
}

TEST(AbandonedFolderTest, AMissingParentHasNone) {
  const TempDir dir;
  EXPECT_THAT(remove_abandoned_folders(dir / "absent", std::chrono::hours(1)).kept, IsEmpty());
  EXPECT_THAT(remove_stale_folders(dir / "absent"), IsEmpty());
}

TEST(PublishTest, LeavesOneCompleteFolderWhenKilledAtAnyMoment) {
  const TempDir dir;
  publish_pair(dir.path(), "m", "start", Existing::kRefuse);
  for (int i = 0; i < 60; ++i) {
    Child writer([&] {
      for (int n = 0;; ++n) {
        publish_pair(dir.path(), "m", fmt::format("{} {}", i, n), Existing::kReplace);
      }
    });
    std::this_thread::sleep_for(std::chrono::microseconds(97 * i));
    writer.kill();
    ASSERT_THAT(names_in(dir / "m"), UnorderedElementsAre("a", "b"));
    ASSERT_EQ(read_file(dir / "m/a"), read_file(dir / "m/b"));
  }
  publish_pair(dir.path(), "m", "end", Existing::kReplace);
  EXPECT_EQ(read_file(dir / "m/a"), "end");
  EXPECT_THAT(names_in(dir.path()), ElementsAre("m"));
}

TEST(PublishTest, SeveralProcessesWorkInOneParent) {
  const TempDir dir;
  {
    std::vector<std::unique_ptr<Child>> children;
    for (int i = 0; i < 4; ++i) {
      children.push_back(std::make_unique<Child>([&, i] {
        for (int n = 0; n < 25; ++n) {
          publish_pair(dir / "x/y", fmt::format("own-{}-{}", i, n), "1", Existing::kRefuse);
          publish_pair(dir / "x/y", "shared", fmt::format("{}", i), Existing::kReplace);
        }
      }));
    }
    for (const auto& child : children) EXPECT_TRUE(child->join());
  }
  EXPECT_THAT(names_in(dir / "x/y"), SizeIs(101));
  EXPECT_EQ(read_file(dir / "x/y/shared/a"), read_file(dir / "x/y/shared/b"));
}

TEST(PublishTest, SeveralProcessesCreateAndRemoveOneParent) {
  const TempDir dir;
  {
    std::vector<std::unique_ptr<Child>> children;
    for (int i = 0; i < 4; ++i) {
      children.push_back(std::make_unique<Child>([&] {
        for (int n = 0; n < 100; ++n) const TempFolder folder(dir / "x/y", "m");
      }));
    }
    for (const auto& child : children) EXPECT_TRUE(child->join());
  }
  // A process cannot remove the parent that it created while another works in it: empty ones may
  // stay.
  for (const auto& entry : fs::recursive_directory_iterator(dir.path())) {
    EXPECT_THAT(entry.path().filename().string(), ::testing::AnyOf("x", "y"));
  }
}

class FallbackTest : public ::testing::TestWithParam<int> {};

INSTANTIATE_TEST_SUITE_P(Errors, FallbackTest, ::testing::Values(EINVAL, ENOSYS));

TEST_P(FallbackTest, PublishesWithoutTheFlagsOfRenameat2) {
  const TempDir dir;
  write_file(dir / "m/old", "old");
  EXPECT_EQ(in_child([&]() -> std::string {
              forbid_system_call(SYS_renameat2, GetParam());
              publish_pair(dir.path(), "free", "new", Existing::kRefuse);
              publish_pair(dir.path(), "m", "new", Existing::kReplace);
              return read_file(dir / "free/a") + " " + read_file(dir / "m/a");
            }),
            "new new");
  EXPECT_THAT(names_in(dir / "m"), UnorderedElementsAre("a", "b"));
  EXPECT_THAT(names_in(dir.path()), UnorderedElementsAre("free", "m"));
}

TEST_P(FallbackTest, RefusesExistingFoldersWithoutTheFlags) {
  const TempDir dir;
  fs::create_directory(dir / "m");
  EXPECT_THAT(in_child([&]() -> std::string {
                forbid_system_call(SYS_renameat2, GetParam());
                publish_pair(dir.path(), "m", "new", Existing::kRefuse);
                return "published";
              }),
              EndsWith("/m: already exists"));
  EXPECT_THAT(names_in(dir / "m"), IsEmpty());
}

TEST(LockTest, WorksWithoutLocksAndThenRemovesNothing) {
  const TempDir dir;
  const std::string left = left_name();
  fs::create_directory(dir / left);
  EXPECT_EQ(in_child([&]() -> std::string {
              forbid_system_call(SYS_flock, ENOLCK);
              publish_pair(dir.path(), "m", "new", Existing::kRefuse);
              return read_file(dir / "m/a");
            }),
            "new");
  EXPECT_THAT(names_in(dir.path()), UnorderedElementsAre("m", left));
}

TEST(SyncFolderTest, SyncsTheWholeFolder) {
  const TempDir dir;
  write_file(dir / "m/deep/f", "content");
  fs::create_symlink("nowhere", dir / "m/link");
  sync_folder(dir / "m");
  EXPECT_THAT([&] { sync_folder(dir / "missing"); },
              ThrowsMessage<NotFoundError>((dir / "missing").string() +
                                           ": cannot list: No such file or directory"));
}

}  // namespace
}  // namespace weightlift
