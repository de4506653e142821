#include "weightlift/base/file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "tests/base/child.h"
#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "weightlift/base/message.h"

namespace weightlift {
namespace {

using ::testing::AllOf;
using testing::Child;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::in_unprivileged_child;
using testing::read_file;
using testing::refusal;
using testing::TempDir;
using ::testing::ThrowsMessage;
using testing::write_file;

const auto kPageBytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  return names;
}

void set_modification_time(const std::filesystem::path& path, const timespec& time) {
  const std::array times{timespec{0, UTIME_OMIT}, time};
  ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times.data(), 0), 0);
}

timespec modification_time(const std::filesystem::path& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0);
  return status.st_mtim;
}

/// Whether each page of a range is in this process's memory now.
std::vector<bool> resident(std::span<const std::byte> bytes) {
  constexpr std::uint64_t kPresent = std::uint64_t{1} << 63;
  const Descriptor map(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  const auto first = reinterpret_cast<std::uintptr_t>(bytes.data()) / kPageBytes;
  std::vector<std::uint64_t> entries(bytes.size() / kPageBytes);
  const std::size_t size_bytes = entries.size() * sizeof(std::uint64_t);
  EXPECT_EQ(::pread(map.get(), entries.data(), size_bytes,
                    static_cast<off_t>(first * sizeof(std::uint64_t))),
            static_cast<ssize_t>(size_bytes));
  std::vector<bool> pages;
  for (const std::uint64_t entry : entries) pages.push_back((entry & kPresent) != 0);
  return pages;
}

TEST(MappedFileTest, HoldsTheFilesBytes) {
  const TempDir dir;
  write_file(dir / "f", "some bytes");
  const auto file = MappedFile::open(dir / "f");
  EXPECT_EQ(text_of(file->bytes()), "some bytes");
  EXPECT_EQ(file->path(), dir / "f");
  file->require_intact();
}

TEST(MappedFileTest, MapsAnEmptyFileToNoBytes) {
  const TempDir dir;
  write_file(dir / "f", "");
  const auto file = MappedFile::open(dir / "f");
  EXPECT_TRUE(file->bytes().empty());
  file->require_intact();
  write_file(dir / "f", "x");
  EXPECT_THAT([&] { file->require_intact(); },
              ThrowsMessage<FormatError>(HasSubstr("expected 0 bytes, got 1")));
}

TEST(MappedFileTest, FollowsALinkToAFile) {
  const TempDir dir;
  write_file(dir / "f", "some bytes");
  std::filesystem::create_symlink("f", dir / "link");
  EXPECT_EQ(text_of(MappedFile::open(dir / "link")->bytes()), "some bytes");
}

TEST(MappedFileTest, KeepsItsContentWhenAnotherFileTakesTheName) {
  const TempDir dir;
  write_file(dir / "f", "old");
  const auto file = MappedFile::open(dir / "f");
  write_file(dir / "g", "new content");
  std::filesystem::rename(dir / "g", dir / "f");
  EXPECT_EQ(text_of(file->bytes()), "old");
  file->require_intact();
  std::filesystem::remove(dir / "f");
  EXPECT_EQ(text_of(file->bytes()), "old");
  file->require_intact();
}

TEST(MappedFileTest, OpensHundredsOfFiles) {
  const TempDir dir;
  std::vector<std::shared_ptr<const MappedFile>> files;
  for (int i = 0; i < 500; ++i) {
    const auto path = dir / std::to_string(i);
    write_file(path, std::to_string(i));
    files.push_back(MappedFile::open(path));
  }
  for (std::size_t i = 0; i < files.size(); ++i) {
    EXPECT_EQ(text_of(files[i]->bytes()), std::to_string(i));
  }
}

TEST(MappedFileTest, ReportsWhyAFileCannotBeOpened) {
  const TempDir dir;
  const auto missing = dir / "missing.safetensors";
  EXPECT_EQ(refusal<NotFoundError>([&] { MappedFile::open(missing); }),
            missing.string() + ": not found");
  write_file(dir / "f", "secret");
  EXPECT_THAT([&] { MappedFile::open(dir / "f/model.bin"); },
              ThrowsMessage<NotFoundError>(EndsWith("cannot open: Not a directory")));
  std::filesystem::permissions(dir.path(), std::filesystem::perms(0755));
  std::filesystem::permissions(dir / "f", std::filesystem::perms::none);
  EXPECT_THAT(in_unprivileged_child([&] {
                MappedFile::open(dir / "f");
                return "opened";
              }),
              EndsWith("/f: cannot open: Permission denied"));
}

TEST(MappedFileTest, RefusesAllButRegularFiles) {
  const TempDir dir;
  EXPECT_THAT(
      [&] { MappedFile::open(dir.path()); },
      ThrowsMessage<IoError>(dir.path().string() + ": expected a regular file, got a folder"));
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
  // It has no writer: a reader that opened it would wait forever.
  EXPECT_THAT([&] { MappedFile::open(dir / "fifo"); },
              ThrowsMessage<IoError>(EndsWith("expected a regular file, got a FIFO")));
  EXPECT_THAT([] { MappedFile::open("/dev/zero"); },
              ThrowsMessage<IoError>("/dev/zero: expected a regular file, got a device"));
}

TEST(MappedFileTest, ReportsAChangedSize) {
  const TempDir dir;
  write_file(dir / "f", std::string(12345, 'x'));
  const auto file = MappedFile::open(dir / "f");
  std::filesystem::resize_file(dir / "f", 100);
  EXPECT_THAT([&] { file->require_intact(); },
              ThrowsMessage<FormatError>((dir / "f").string() +
                                         ": the file changed while weightlift read it: expected "
                                         "12345 bytes, got 100"));
}

TEST(MappedFileTest, ReportsChangedContentOfTheSameSize) {
  const TempDir dir;
  write_file(dir / "f", "some bytes");
  set_modification_time(dir / "f", {1'000'000'000, 0});
  const auto file = MappedFile::open(dir / "f");
  file->require_intact();
  write_file(dir / "f", "SOME BYTES");
  EXPECT_THAT([&] { file->require_intact(); },
              ThrowsMessage<FormatError>((dir / "f").string() +
                                         ": the file changed while weightlift read it: its "
                                         "modification time differs"));
}

TEST(GuardTest, ReadsLostPagesAsZerosAndReportsThem) {
  guard_mapped_files();
  const TempDir dir;
  write_file(dir / "f", std::string(4 * kPageBytes, 'x'));
  const auto file = MappedFile::open(dir / "f");
  EXPECT_EQ(text_of(file->bytes())[kPageBytes], 'x');
  std::filesystem::resize_file(dir / "f", 100);
  EXPECT_EQ(text_of(file->bytes()),
            std::string(100, 'x') + std::string(4 * kPageBytes - 100, '\0'));
  EXPECT_THAT([&] { file->require_intact(); },
              ThrowsMessage<FormatError>(HasSubstr("bytes, got 100")));
}

TEST(GuardTest, ReportsALossAfterTheFileWasRestored) {
  guard_mapped_files();
  const TempDir dir;
  write_file(dir / "f", std::string(4 * kPageBytes, 'x'));
  const auto file = MappedFile::open(dir / "f");
  const timespec time = modification_time(dir / "f");
  std::filesystem::resize_file(dir / "f", 100);
  EXPECT_EQ(text_of(file->bytes())[2 * kPageBytes], '\0');
  write_file(dir / "f", std::string(4 * kPageBytes, 'x'));
  set_modification_time(dir / "f", time);
  EXPECT_THAT(refusal<FormatError>([&] { file->require_intact(); }),
              AllOf(HasSubstr("input/output error while weightlift read its "),
                    HasSubstr("; advice(check whether another program shortened the file")));
  // The next file at this place in the table is not reported.
  write_file(dir / "g", "fine");
  MappedFile::open(dir / "g")->require_intact();
}

TEST(GuardTest, ReportsOnlyTheFileThatLostPages) {
  guard_mapped_files();
  const TempDir dir;
  write_file(dir / "f", std::string(4 * kPageBytes, 'x'));
  write_file(dir / "g", std::string(4 * kPageBytes, 'y'));
  const auto lost = MappedFile::open(dir / "f");
  const auto kept = MappedFile::open(dir / "g");
  std::filesystem::resize_file(dir / "f", 0);
  EXPECT_EQ(text_of(lost->bytes()), std::string(4 * kPageBytes, '\0'));
  EXPECT_EQ(text_of(kept->bytes()), std::string(4 * kPageBytes, 'y'));
  kept->require_intact();
}

TEST(GuardTest, LeavesExcludedFilesFatal) {
  const TempDir dir;
  write_file(dir / "f", std::string(4 * kPageBytes, 'x'));
  Child reader([&] {
    ::signal(SIGBUS, SIG_DFL);  // a sanitizer's handler would print a report
    guard_mapped_files();
    const auto file = MappedFile::open(dir / "f");
    exclude_from_guard(file->bytes());
    std::filesystem::resize_file(dir / "f", 0);
    const volatile std::byte first = file->bytes().front();
    static_cast<void>(first);
  });
  EXPECT_FALSE(reader.join());
}

TEST(GuardTest, LeavesOtherBusErrorsFatal) {
  const TempDir dir;
  write_file(dir / "f", std::string(4 * kPageBytes, 'x'));
  Child reader([&] {
    ::signal(SIGBUS, SIG_DFL);  // a sanitizer's handler would print a report
    guard_mapped_files();
    const int descriptor = ::open((dir / "f").c_str(), O_RDWR);
    const void* own = ::mmap(nullptr, 4 * kPageBytes, PROT_READ, MAP_SHARED, descriptor, 0);
    if (::ftruncate(descriptor, 0) != 0) return;
    const volatile char first = *static_cast<const volatile char*>(own);
    static_cast<void>(first);
  });
  EXPECT_FALSE(reader.join());
  Child sender([] {
    ::signal(SIGBUS, SIG_DFL);
    guard_mapped_files();
    ::raise(SIGBUS);
  });
  EXPECT_FALSE(sender.join());
}

TEST(ReleaseMappedTest, KeepsLittleOfUsedMemory) {
  const TempDir dir;
  constexpr std::size_t kSmall = 1000, kLarge = std::size_t{1} << 20U;
  const std::string content = std::string(40 * kLarge, 'x');
  write_file(dir / "f", content);
  const auto file = MappedFile::open(dir / "f");
  std::size_t most = 0;
  // In the order in which a network uses its tensors: a large one, then a small one before it.
  for (std::size_t at = 0; at + kSmall + kLarge <= content.size(); at += kSmall + kLarge) {
    for (const auto piece :
         {file->bytes().subspan(at + kSmall, kLarge), file->bytes().subspan(at, kSmall)}) {
      ASSERT_EQ(text_of(piece), std::string(piece.size(), 'x'));
      release_mapped(piece);
    }
    const std::vector<bool> pages = resident(file->bytes());
    most = std::max(most, static_cast<std::size_t>(std::ranges::count(pages, true)) * kPageBytes);
  }
  EXPECT_LE(most, 8 * kLarge);
  EXPECT_EQ(text_of(file->bytes()), content);
  file->require_intact();
}

TEST(ReleaseMappedTest, LeavesOtherMemoryAlone) {
  const TempDir dir;
  write_file(dir / "f", std::string(4 * kPageBytes, 'x'));
  std::vector<std::byte> own(64 * kPageBytes, std::byte{7});
  const std::vector<std::byte> before = own;
  const auto file = MappedFile::open(dir / "f");
  release_mapped(own);
  release_mapped(std::span(own).subspan(5, 3));
  release_mapped({});
  EXPECT_EQ(own, before);
}

TEST(ReadTextFileTest, ReadsTheWholeFile) {
  const TempDir dir;
  write_file(dir / "f", "twelve bytes");
  EXPECT_EQ(read_text_file(dir / "f", 12), "twelve bytes");
  EXPECT_EQ(read_text_file(dir / "f", std::size_t{1} << 60), "twelve bytes");
  write_file(dir / "empty", "");
  EXPECT_EQ(read_text_file(dir / "empty", 0), "");
}

TEST(ReadTextFileTest, RefusesLargerFiles) {
  const TempDir dir;
  write_file(dir / "config.json", "twelve bytes");
  EXPECT_THAT([&] { read_text_file(dir / "config.json", 11); },
              ThrowsMessage<FormatError>((dir / "config.json").string() +
                                         ": expected at most 11 bytes, got 12"));
}

TEST(ReadTextFileTest, RefusesTheSameFilesAsMappedFile) {
  const TempDir dir;
  EXPECT_THAT([&] { read_text_file(dir / "missing", 10); },
              ThrowsMessage<NotFoundError>(EndsWith("/missing: not found")));
  EXPECT_THAT([&] { read_text_file(dir.path(), 10); },
              ThrowsMessage<IoError>(EndsWith("expected a regular file, got a folder")));
}

TEST(WriteAtomicallyTest, CreatesAndReplaces) {
  const TempDir dir;
  write_atomically(dir / "f", "one");
  EXPECT_EQ(read_file(dir / "f"), "one");
  write_atomically(dir / "f", std::string(1'000'000, 'x'));
  EXPECT_EQ(read_file(dir / "f"), std::string(1'000'000, 'x'));
  EXPECT_THAT(names_in(dir.path()), ElementsAre("f"));
}

TEST(WriteAtomicallyTest, GivesTheModeOfTheUmask) {
  const TempDir dir;
  const mode_t before = ::umask(027);
  write_atomically(dir / "f", "x");
  ::umask(before);
  EXPECT_EQ(std::filesystem::status(dir / "f").permissions(), std::filesystem::perms(0640));
}

TEST(WriteAtomicallyTest, AcceptsARelativeNameInTheCurrentFolder) {
  const TempDir dir;
  EXPECT_EQ(testing::in_child([&]() -> std::string {
              std::filesystem::current_path(dir.path());
              write_atomically("f", "here");
              return read_file("f");
            }),
            "here");
}

TEST(WriteAtomicallyTest, ReadersSeeOneContentOrTheOther) {
  const TempDir dir;
  const std::string a(100'000, 'a');
  const std::string b(70'000, 'b');
  write_atomically(dir / "f", a);
  Child writer([&] {
    for (;;) {
      write_atomically(dir / "f", b);
      write_atomically(dir / "f", a);
    }
  });
  for (int i = 0; i < 300; ++i) {
    const std::string seen = read_file(dir / "f");
    ASSERT_TRUE(seen == a || seen == b) << seen.size() << " bytes";
  }
}

TEST(WriteAtomicallyTest, LeavesTheOldContentWhenTheNewDoesNotFit) {
  const TempDir dir;
  write_file(dir / "f", "old");
  const std::string message = testing::in_child([&]() -> std::string {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    write_atomically(dir / "f", std::string(2000, 'x'));
    return "written";
  });
  EXPECT_THAT(message, EndsWith("/f: cannot write: File too large"));
  EXPECT_EQ(read_file(dir / "f"), "old");
  EXPECT_THAT(names_in(dir.path()), ElementsAre("f"));
}

TEST(WriteAtomicallyTest, RefusesToReplaceAllButRegularFiles) {
  const TempDir dir;
  write_file(dir / "f", "old");
  std::filesystem::create_symlink("f", dir / "link");
  EXPECT_THAT([&] { write_atomically(dir / "link", "new"); },
              ThrowsMessage<IoError>(EndsWith("expected a regular file, got a symbolic link")));
  EXPECT_EQ(read_file(dir / "f"), "old");
  EXPECT_THAT([&] { write_atomically(dir.path(), "new"); },
              ThrowsMessage<IoError>(EndsWith("expected a regular file, got a folder")));
}

TEST(WriteAtomicallyTest, GivesTheNameToTheFileOfAFunction) {
  const TempDir dir;
  write_file(dir / "f", "old");
  const auto fail = [&](const std::filesystem::path& beside) {
    write_file(beside, "half");
    throw IoError(beside.string(), "cannot write");
  };
  EXPECT_EQ(refusal<IoError>([&] { write_atomically(dir / "f", fail); }),
            (dir / "f").string() + ": cannot write");
  EXPECT_EQ(read_file(dir / "f"), "old");
  write_atomically(dir / "f",
                   [](const std::filesystem::path& beside) { write_file(beside, "new"); });
  EXPECT_EQ(read_file(dir / "f"), "new");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 1);
}

TEST(WriteAtomicallyTest, ReportsWhyItCannotWrite) {
  const TempDir dir;
  EXPECT_THAT([&] { write_atomically(dir / "no/f", "new"); },
              ThrowsMessage<NotFoundError>((dir / "no/f").string() +
                                           ": cannot write: No such file or directory"));
}

}  // namespace
}  // namespace weightlift
