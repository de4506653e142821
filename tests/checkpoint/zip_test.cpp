#include "weightlift/checkpoint/zip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "tests/checkpoint/golden.h"
#include "tests/checkpoint/refusal_case.h"
#include "tests/checkpoint/zip_builder.h"
#include "tests/support/notes.h"
#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint/sniff.h"
#include "weightlift/checkpoint/torch_archive.h"

namespace weightlift {
namespace {

using testing::case_name;
using testing::checkpoint_parts;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::le;
using testing::le16;
using testing::Refusal;
using ::testing::StartsWith;
using testing::told;
using testing::zip_of;
using testing::ZipEnd;
using testing::ZipPart;
using namespace std::string_literals;

TorchArchive open(const std::string& bytes) {
  return open_torch_archive(std::as_bytes(std::span(bytes)), "memory");
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The archive's notes, after a check that its contents are the small checkpoint's.
std::vector<std::string> notes_of(const std::string& bytes) {
  const TorchArchive archive = open(bytes);
  EXPECT_EQ(text_of(archive.pickle), testing::golden_pickle());
  EXPECT_TRUE(archive.storages.contains("0"));
  EXPECT_EQ(text_of(archive.storages.at("0").data), testing::golden_storage());
  return told(archive.notes);
}

/// The small checkpoint with `change` made to its entries.
template <class Change>
std::string changed(Change&& change, const ZipEnd& end = {}) {
  std::vector<ZipPart> parts = checkpoint_parts();
  change(parts);
  return zip_of(parts, end);
}

std::string with_part(const ZipPart& part) {
  return changed([&](auto& parts) { parts.push_back(part); });
}

TEST(ZipTest, ReadsFilesThatRealReadersAccept) {
  EXPECT_THAT(notes_of(testing::golden_zip()), IsEmpty());
  EXPECT_THAT(notes_of(testing::golden_aligned_zip()), IsEmpty());
  for (const char* root : {"archive", "sd_buf.tar.gz", "a b", "\xC3\xA9t\xC3\xA9"}) {
    EXPECT_THAT(notes_of(zip_of(checkpoint_parts(testing::golden_pickle(), root))), IsEmpty());
  }
}

TEST(ZipTest, ReadsTorchsOwnLayout) {
  const std::string bytes = changed(
      [](auto& parts) {
        for (ZipPart& part : parts) {
          part.flags = 0x0808;
          part.local_extra = "FB" + le16(7) + "ZZZZZZZ";
          part.behind = "PK\x07\x08" + le(testing::crc_of(part.content)) + std::string(8, '\0');
        }
        parts.push_back({.name = "archive/data/1", .content = "", .flags = 0x0800});
      },
      {.zip64 = true});
  EXPECT_THAT(notes_of(bytes), IsEmpty());
  EXPECT_TRUE(open(bytes).storages.at("1").data.empty());
}

TEST(ZipTest, IgnoresTheSameRecordsAsTorch) {
  EXPECT_THAT(notes_of(changed([](auto& parts) {
                parts.insert(parts.begin(), {{"archive/", ""}, {"archive/data/", ""}});
              })),
              IsEmpty());
  for (const char* name : {"x.debug_pkl", "foo", ".format_version", ".storage_alignment"}) {
    EXPECT_THAT(notes_of(with_part({"archive/"s + name, "xx"})), IsEmpty());
  }
  EXPECT_THAT(notes_of(zip_of(checkpoint_parts(), {.comment = "made by hand"})), IsEmpty());
  EXPECT_THAT(notes_of(zip_of(checkpoint_parts(), {.comment = std::string(4096, 'x')})), IsEmpty());
}

TEST(ZipTest, AcceptsEitherVersionRecordFrom1To10) {
  for (const char* version : {"1", "2", "3", "4\n", "10"}) {
    EXPECT_THAT(notes_of(changed([&](auto& parts) { parts[3].content = version; })), IsEmpty());
    EXPECT_THAT(notes_of(changed([&](auto& parts) {
                  parts[3] = {"archive/.data/version", version};
                })),
                IsEmpty());
  }
  const std::string both = with_part({"archive/.data/version", "11"});
  EXPECT_THAT(testing::refusal<FormatError>([&] { open(both); }),
              HasSubstr(".data/version: expected 1 to 10, got '11'"));
}

// A tensor of bytes may hold a zip. Its end record is no second one: no reader takes it.
TEST(ZipTest, IgnoresEndRecordsInsideContents) {
  const std::string inner = testing::golden_zip();
  const auto with_inner = [&](const std::string& content) {
    return changed([&](auto& parts) { parts.push_back({"archive/data/1", content}); });
  };
  EXPECT_EQ(open(with_inner(inner)).storages.at("1").data.size(), inner.size());
  EXPECT_EQ(open(with_inner(inner + inner)).storages.at("1").data.size(), 2 * inner.size());
  EXPECT_EQ(open(with_inner("PK\x05\x06")).storages.at("1").data.size(), 4U);
  // Its comment reaches the end of the file: then it is the end record for some readers.
  std::string fitting = "PK\x05\x06" + std::string(18, '\0');
  const std::size_t rest = with_inner(fitting).size() - with_inner(fitting).find(fitting) - 22;
  fitting.replace(20, 2, le16(static_cast<unsigned>(rest)));
  EXPECT_THAT(testing::refusal<FormatError>([&] { open(with_inner(fitting)); }),
              HasSubstr("several end records"));
}

TEST(ZipTest, NotesUnusedBytes) {
  EXPECT_THAT(notes_of(zip_of(checkpoint_parts(), {.behind = std::string(40, 'x')})),
              ElementsAre("memory: zip-trailing-bytes bytes='40'"));
  EXPECT_THAT(notes_of(changed([](auto& parts) { parts[1].behind = "12345"; })),
              ElementsAre("memory: zip-unused-bytes bytes='5'"));
}

TEST(ZipTest, NotesMissingChecksums) {
  const std::string bytes = changed([](auto& parts) {
    for (ZipPart& part : parts) part.crc = 0;
  });
  EXPECT_THAT(notes_of(bytes), ElementsAre("memory: zip-without-checksums"));
  EXPECT_FALSE(open(bytes).has_checksums);
}

TEST(ZipTest, ComparesContentsWithTheDirectory) {
  const std::string wrong_storage = changed([](auto& parts) { parts[2].crc = 7; });
  const TorchArchive archive = open(wrong_storage);
  const auto check = [&] { require_crc(archive.storages.at("0"), "memory"); };
  EXPECT_EQ(
      testing::refusal<FormatError>(check),
      "memory: zip: entry 'archive/data/0' is damaged: expected CRC-32 00000007, got c3872656; "
      "advice(download the file again)");
  const std::string good = testing::golden_zip();
  EXPECT_EQ(
      testing::refusal<FormatError>([&] { require_crc(open(good).storages.at("0"), "memory"); }),
      "accepted");
}

TEST(ZipTest, ComputesThePublishedCrcs) {
  EXPECT_EQ(testing::crc_of(""), 0U);
  EXPECT_EQ(testing::crc_of("123456789"), 0xCBF43926U);
  EXPECT_EQ(testing::crc_of("little"), 0x19E33D85U);
  EXPECT_EQ(testing::crc_of(testing::golden_memo_pickle()), 0x27839BA2U);
}

TEST(ZipTest, ReadsManyStorages) {
  constexpr std::size_t kCount = 70'000;
  std::string file;
  std::string directory;
  const auto add = [&](const ZipPart& part) {
    directory += central_entry(part, file.size());
    file += local_header(part) + part.content;
  };
  for (const ZipPart& part : checkpoint_parts()) add(part);
  for (std::size_t i = 1; i < kCount; ++i) add({"archive/data/" + std::to_string(i), "1234"});
  const std::size_t offset = file.size();
  file += directory + testing::zip64_records({}, kCount + 3, offset, directory.size());
  file += "PK\x05\x06" + std::string(4, '\0') + le16(0xFFFF) + le16(0xFFFF) +
          le(static_cast<std::uint32_t>(directory.size())) +
          le(static_cast<std::uint32_t>(offset)) + le16(0);
  EXPECT_EQ(open(file).storages.size(), kCount);
  EXPECT_EQ(detect_format(std::as_bytes(std::span(file)), "memory"), CheckpointFormat::kTorchZip);
}

/// A file with a hole in it: an entry of 4 GiB and 16 bytes, and more entries after it.
std::filesystem::path write_huge_zip(const std::filesystem::path& path, bool as_torch) {
  constexpr std::uint64_t kHuge = (std::uint64_t{4} << 30U) + 16;
  const std::string sizes = le(kHuge) + le(as_torch ? std::uint64_t{0} : kHuge);
  const std::string both = le16(1) + le16(16) + le(kHuge) + le(kHuge);
  const ZipPart big = {.name = "m/data/0",
                       .content = "",
                       .crc = 0,
                       .packed = 0xFFFFFFFFU,
                       .size = 0xFFFFFFFFU,
                       .local_extra = le16(1) + le16(16) + sizes,
                       .central_extra = both};
  std::ofstream out(path, std::ios::binary);
  std::vector<ZipPart> parts = checkpoint_parts(testing::golden_pickle(), "m");
  parts.erase(parts.begin() + 2);
  std::string directory;
  std::uint64_t at = 0;
  const auto write = [&](const std::string& text) { out << text, at += text.size(); };
  directory += central_entry(big, 0);
  write(local_header(big));
  out.seekp(static_cast<std::streamoff>(at += kHuge));
  if (as_torch) write("PK\x07\x08" + le(std::uint32_t{0}) + le(kHuge) + le(kHuge));
  for (ZipPart& part : parts) {
    part.offset = 0xFFFFFFFFU;
    part.central_extra = le16(1) + le16(8) + le(at);
    directory += central_entry(part, 0);
    write(local_header(part) + part.content);
  }
  const std::uint64_t offset = at;
  write(directory + testing::zip64_records({}, 4, offset, directory.size()));
  write("PK\x05\x06" + std::string(4, '\0') + le16(4) + le16(4) +
        le(static_cast<std::uint32_t>(directory.size())) + le(0xFFFFFFFFU) + le16(0));
  return path;
}

TEST(ZipTest, ReadsBeyondFourGibibytes) {
  const testing::TempDir dir;
  for (const bool as_torch : {true, false}) {
    const auto file = MappedFile::open(write_huge_zip(dir / "huge.pth", as_torch));
    const TorchArchive archive = open_torch_archive(file->bytes(), "huge");
    EXPECT_EQ(archive.storages.at("0").data.size(), (std::uint64_t{4} << 30U) + 16);
    EXPECT_EQ(text_of(archive.pickle), testing::golden_pickle());
  }
}

/// A zip that must be refused, and a part of the message.
class ZipRefusalTest : public ::testing::TestWithParam<Refusal> {};

TEST_P(ZipRefusalTest, StatesTheFault) {
  const std::string message = testing::refusal<Error>([] { open(GetParam().bytes); });
  EXPECT_THAT(message, StartsWith("memory: "));
  EXPECT_THAT(message, HasSubstr(GetParam().reason));
  EXPECT_LT(message.size(), 600U);
  EXPECT_EQ(message.find('\n'), std::string::npos);
}

std::string with_end(const ZipEnd& end) { return zip_of(checkpoint_parts(), end); }

std::string with_storage(const std::function<void(ZipPart&)>& change) {
  return changed([&](auto& parts) { change(parts[2]); });
}

// torch reads all of these, but never writes them: two readers may differ on them.
INSTANTIATE_TEST_SUITE_P(
    StricterThanTorch, ZipRefusalTest,
    ::testing::ValuesIn(std::vector<Refusal>{
        {"RootUp", zip_of(checkpoint_parts(testing::golden_pickle(), "..")), "plain parts"},
        {"RootEmpty", zip_of(checkpoint_parts(testing::golden_pickle(), "")), "plain parts"},
        {"UpperCase", changed([](auto& parts) { parts[0].name = "archive/DATA.PKL"; }),
         "zip: data.pkl is missing"},
        {"PickleCrc", changed([](auto& parts) { parts[0].crc = 1; }),
         "'archive/data.pkl' is damaged: expected CRC-32 00000001"},
        {"LocalName", with_storage([](ZipPart& part) { part.local_name = "archive/data/1"; }),
         "its local header has another name, 'archive/data/1'"},
        {"LocalNameLength",
         with_storage([](ZipPart& part) { part.local_name = "archive/data/10"; }),
         "its local header has another name"},
        {"LocalMark", with_part({.name = "archive/x", .content = "", .local_mark = "PK\x03\x05"}),
         "entry 'archive/x': no local header at"},
        {"LocalMethod", with_storage([](ZipPart& part) { part.local_method = 8; }),
         "unsupported compression method 8 (deflate)"},
        {"LocalFlag", with_storage([](ZipPart& part) { part.local_flags = 1; }),
         "unsupported flags 0x0001"},
        {"OtherFlags", with_part({.name = "archive/x", .content = "", .flags = 1}),
         "unsupported flags"},
        {"FlagBit1", with_storage([](ZipPart& part) { part.flags = 2; }),
         "unsupported flags 0x0002"},
        {"FlagBit2", with_storage([](ZipPart& part) { part.flags = 4; }),
         "unsupported flags 0x0004"},
        {"FlagBit4", with_storage([](ZipPart& part) { part.flags = 16; }),
         "unsupported flags 0x0010"},
        {"Deflated", with_storage([](ZipPart& part) { part.method = 8; }),
         "advice(pack it again without compression, or load and save it with torch)"},
        {"UnrelatedDeflated", with_part({.name = "archive/pad", .content = "xx", .method = 8}),
         "entry 'archive/pad': unsupported compression method 8"},
        {"TwoStorages", with_part({"archive/data/0", testing::golden_storage()}),
         "entry 'archive/data/0': duplicate name"},
        {"TwoPickles", with_part({"archive/data.pkl", testing::golden_pickle()}), "duplicate name"},
        {"TwoCases", with_part({"archive/DATA/0", testing::golden_storage()}), "duplicate name"},
        {"VersionSpace", changed([](auto& parts) { parts[3].content = " 3"; }),
         "version: expected 1 to 10, got ' 3'"},
        {"VersionJunk", changed([](auto& parts) { parts[3].content = "3junk"; }), "got '3junk'"},
        {"Nul", with_part({"archive/data/0\0x"s, "xx"}), "plain parts between '/'"},
        {"BackSlash", with_part({"archive/data\\0", "xx"}), "plain parts between '/'"},
        {"Dot", with_part({"archive/./x", "xx"}), "plain parts between '/'"},
        {"Up", with_part({"archive/data/../x", "xx"}), "plain parts between '/'"},
        {"LongName", with_part({std::string(65'000, 'x'), "xx"}), "expected at most 4096 bytes"}}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    AsTorch, ZipRefusalTest,
    ::testing::ValuesIn(std::vector<Refusal>{
        {"NoRoot", zip_of({{"data.pkl", testing::golden_pickle()}, {"version", "3\n"}}),
         "entry 'data.pkl': not in a folder: torch.save did not write this file"},
        {"SecondRoot", with_part({"b/data/0", "xx"}), "outside of 'archive/'"},
        {"Stray", with_part({"x", "xx"}), "outside of 'archive/'"},
        {"StrayFolder", with_part({"evil/x", "xx"}), "outside of 'archive/'"},
        {"RootCase", with_part({"ARCHIVE/x", "xx"}), "outside of 'archive/'"},
        {"Nested", zip_of(checkpoint_parts(testing::golden_pickle(), "a/b")),
         "zip: data.pkl is missing"},
        {"NpyZip", zip_of({{"arr_0/x.npy", "xx"}}), "torch.save did not write this file"},
        {"TorchScript", with_part({"archive/constants.pkl", "xx"}),
         "unsupported format: a TorchScript archive"},
        {"Encrypted", with_storage([](ZipPart& part) { part.flags = 1; }),
         "unsupported flags 0x0001"},
        {"Patched", with_storage([](ZipPart& part) { part.flags = 32; }),
         "unsupported flags 0x0020"},
        {"StronglyEncrypted", with_storage([](ZipPart& part) { part.flags = 64; }),
         "unsupported flags 0x0040"},
        {"Masked", with_part({.name = "archive/x", .content = "", .flags = 0x2000}),
         "unsupported flags 0x2000"},
        {"Method1", with_storage([](ZipPart& part) { part.method = 1; }),
         "unsupported compression method 1;"},
        {"Method12", with_storage([](ZipPart& part) { part.method = 12; }),
         "unsupported compression method 12;"},
        {"Method14", with_storage([](ZipPart& part) { part.method = 14; }),
         "unsupported compression method 14;"},
        {"Method93", with_storage([](ZipPart& part) { part.method = 93; }),
         "unsupported compression method 93;"},
        {"OtherMethod", with_part({.name = "archive/x", .content = "", .method = 99}),
         "unsupported compression method 99;"},
        {"OffsetPastEnd", with_part({.name = "archive/x", .content = "", .offset = 1U << 30U}),
         "no local header at 1073741824, beyond the end of the file"},
        {"SizePastEnd", with_storage([](ZipPart& part) { part.size = part.packed = 1U << 30U; }),
         "truncated: entry 'archive/data/0' has 1073741824 bytes from"},
        {"SizeIn64Missing",
         with_storage([](ZipPart& part) { part.size = part.packed = 0xFFFFFFFFU; }),
         "truncated: entry 'archive/data/0' has 4294967295 bytes from"},
        {"OtherSizes", with_part({.name = "archive/x", .content = "xx", .packed = 1}),
         "entry 'archive/x': size: expected 2 stored bytes, got 1"},
        {"TwoSizes", with_storage([](ZipPart& part) { part.size = 4; }),
         "size: expected 4 stored bytes, got 8"},
        {"Reaches", with_storage([](ZipPart& part) { part.size = part.packed = 20; }),
         "and overlaps the next entry, which begins at"},
        {"FullFolder", with_part({"archive/more/", "xx"}),
         "entry 'archive/more/': a folder with content"},
        {"Disk", with_part({.name = "archive/x", .content = "", .disk = 1}),
         "an archive in several parts is unsupported"},
        {"NoVersion", changed([](auto& parts) { parts.pop_back(); }), "zip: version is missing"},
        {"Version0", changed([](auto& parts) { parts[3].content = "0"; }), "got '0'"},
        {"Version11", changed([](auto& parts) { parts[3].content = "11"; }), "got '11'"},
        {"VersionMinus", changed([](auto& parts) { parts[3].content = "-1"; }), "got '-1'"},
        {"VersionHex", changed([](auto& parts) { parts[3].content = "0x3"; }), "got '0x3'"},
        {"VersionEmpty", changed([](auto& parts) { parts[3].content = ""; }), "got ''"},
        {"VersionText", changed([](auto& parts) { parts[3].content = "abc"; }), "got 'abc'"},
        {"VersionHuge", changed([](auto& parts) { parts[3].content = "1" + std::string(23, '0'); }),
         "got '10000"},
        {"BigEndian", changed([](auto& parts) { parts[1].content = "big"; }),
         "unsupported: tensors of a big-endian machine; advice("},
        {"MiddleEndian", changed([](auto& parts) { parts[1].content = "middle"; }), "'middle'"},
        {"LittleLine", changed([](auto& parts) { parts[1].content = "little\n"; }),
         "'little\\x0a'"},
        {"NoByteOrder", changed([](auto& parts) { parts[1].content = ""; }), "got ''"}}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Ends, ZipRefusalTest,
    ::testing::ValuesIn(std::vector<Refusal>{
        {"None", testing::golden_zip().substr(0, 600), "zip: truncated: no end record; advice("},
        {"OnlyMark", "PK\x03\x04" + std::string(100, '\0'),
         "zip: truncated: no end record; advice("},
        {"Empty", "PK\x05\x06" + std::string(18, '\0'), "zip: no entries"},
        {"JunkInFront", "1234" + testing::golden_zip(), "directory: expected its end at"},
        {"FakeInGap",
         changed([](auto& parts) { parts[2].behind = "PK\x05\x06" + std::string(30, '\0'); }),
         "several end records"},
        {"FakeInComment", with_end({.comment = "PK\x05\x06" + std::string(30, '\0')}),
         "several end records"},
        {"CommentCut", with_end({.comment = "12"}).substr(0, with_end({}).size() + 1),
         "truncated: expected a comment of 2 bytes, got 1"},
        {"DirectoryPastEnd", with_end({.offset = 1U << 30U}), "directory: expected its end at"},
        {"DirectoryShort", with_end({.size = 46}), "directory: expected its end at"},
        {"Parts", with_end({.disk = 1}), "an archive in several parts is unsupported"},
        {"TooFew", with_end({.count = 3}), "directory: expected 3 entries, got more"},
        {"TooMany", with_end({.count = 60'000}), "directory: expected 60000 entries, got 4"},
        {"Count64", with_end({.zip64 = true, .count64 = 3}),
         "the zip64 end record differs from the end record"},
        {"Offset64", with_end({.zip64 = true, .offset64 = 8}),
         "the zip64 end record differs from the end record"},
        {"Size64", with_end({.zip64 = true, .size64 = 8}),
         "the zip64 end record differs from the end record"},
        {"Nowhere64", with_end({.zip64 = true, .record64 = 0xFFFFFFFFFFFFULL}),
         "no zip64 end record at 281474976710655"},
        {"Wrong64", with_end({.count = 0xFFFF, .zip64 = true, .count64 = 3}), "got more"},
        {"Bomb64", with_end({.count = 0xFFFF, .zip64 = true, .count64 = std::uint64_t{1} << 32U}),
         "directory: expected at most 300000 entries, got 4294967296"}}),
    case_name);

TEST(ZipTest, RefusesTwoEntriesOnTheSameBytes) {
  // Inside the content of the first lies a whole second entry.
  const std::string inner = testing::local_header({"archive/x", "xy"}) + "xy";
  std::vector<ZipPart> parts = checkpoint_parts();
  parts[0].content += inner;
  const auto start = static_cast<std::uint32_t>(testing::local_header(parts[0]).size() +
                                                testing::golden_pickle().size());
  std::string file;
  std::string directory;
  for (const ZipPart& part : parts) {
    directory += central_entry(part, file.size());
    file += local_header(part) + part.content;
  }
  directory += testing::central_entry({"archive/x", "xy"}, start);
  const auto offset = static_cast<std::uint32_t>(file.size());
  file += directory + "PK\x05\x06" + std::string(4, '\0') + le16(5) + le16(5) +
          le(static_cast<std::uint32_t>(directory.size())) + le(offset) + le16(0);
  EXPECT_THAT(testing::refusal<FormatError>([&] { open(file); }),
              HasSubstr("entry 'archive/data.pkl': it ends at "));
}

TEST(ZipTest, RecognizesStorageKeys) {
  for (const char* key : {"0", "7", "10", "18446744073709551615"}) EXPECT_TRUE(is_storage_key(key));
  for (const char* key : {"", "00", "01", "-1", "0/1", "../x", "a", "123456789012345678901"}) {
    EXPECT_FALSE(is_storage_key(key)) << key;
  }
}

}  // namespace
}  // namespace weightlift
