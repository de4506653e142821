#include "weightlift/base/digest.h"

#include <gmock/gmock.h>

#include "tests/support/temp_dir.h"
#include "weightlift/base/file.h"

namespace weightlift {
namespace {

std::string sha256_of_text(std::string_view text) { return sha256(std::as_bytes(std::span(text))); }

// The examples of FIPS 180-2, appendix B, and of the empty message.
TEST(Sha256Test, MatchesTheExamplesOfTheStandard) {
  EXPECT_EQ(sha256_of_text(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_of_text("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_of_text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256_of_text(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256Test, HashesMappedFilesAsTheirBytes) {
  const testing::TempDir dir;
  // More than one chunk, and a piece of a page at the end.
  std::string content(3'000'001, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * i % 251);
  testing::write_file(dir / "f", content);
  const auto file = MappedFile::open(dir / "f");
  EXPECT_EQ(sha256(file->bytes()), sha256_of_text(content));
  EXPECT_EQ(sha256(file->bytes().subspan(1)), sha256_of_text(std::string_view(content).substr(1)));
  file->require_intact();
}

TEST(HasherTest, AcceptsPieces) {
  Hasher hasher = Hasher::sha256();
  for (const std::string_view piece : {"a", "", "bc"})
    hasher.update(std::as_bytes(std::span(piece)));
  EXPECT_EQ(hasher.hex(), sha256_of_text("abc"));
}

// `printf '' | git hash-object --stdin`, and the same of "hello\n".
TEST(HasherTest, NamesBlobsAsGitDoes) {
  EXPECT_EQ(Hasher::git_blob(0).hex(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
  Hasher hasher = Hasher::git_blob(6);
  hasher.update(std::as_bytes(std::span(std::string_view("hello\n"))));
  EXPECT_EQ(hasher.hex(), "ce013625030ba8dba906f756967f9e9ca394464a");
}

}  // namespace
}  // namespace weightlift
