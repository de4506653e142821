#include "weightlift/hub/repo_id.h"

#include <gmock/gmock.h>

#include "tests/support/refusal.h"
#include "weightlift/base/message.h"

namespace weightlift {
namespace {

using ::testing::HasSubstr;
using testing::refusal;

std::string refused_id(std::string_view text) {
  return refusal<UsageError>([&] { RepoId::parse(text); });
}

std::string refused_revision(std::string_view text) {
  return refusal<UsageError>([&] { require_revision(text); });
}

TEST(RepoIdTest, HasAnOwnerAndAName) {
  const RepoId id = RepoId::parse("timm/resnet50.a1_in1k");
  EXPECT_EQ(id.string(), "timm/resnet50.a1_in1k");
  EXPECT_EQ(id.owner(), "timm");
  EXPECT_EQ(id.name(), "resnet50.a1_in1k");
  EXPECT_EQ(id.cache_folder(), "models--timm--resnet50.a1_in1k");
}

TEST(RepoIdTest, MayBeABareName) {
  const RepoId id = RepoId::parse("gpt2");
  EXPECT_EQ(id.owner(), "");
  EXPECT_EQ(id.name(), "gpt2");
  EXPECT_EQ(id.cache_folder(), "models--gpt2");
}

// The examples of huggingface_hub's validate_repo_id, and the names that its tests refuse.
TEST(RepoIdTest, FollowsTheHubsRules) {
  for (const char* good : {"foo", "foo/bar", "123", "Foo-BAR_foo.bar123", "_a/b_"}) {
    EXPECT_EQ(RepoId::parse(good).string(), good);
  }
  EXPECT_EQ(RepoId::parse(std::string(96, 'a')).name().size(), 96);
  EXPECT_THAT(refused_id(std::string(97, 'a')), HasSubstr("more than 96 characters"));
  EXPECT_THAT(refused_id("datasets/foo/bar"),
              HasSubstr("not a repository name (owner/name): it has more than one '/'"));
  EXPECT_THAT(refused_id(".repo_id"), HasSubstr("begins or ends with '-' or '.'"));
  EXPECT_THAT(refused_id("a/-b"), HasSubstr("begins or ends with '-' or '.'"));
  EXPECT_THAT(refused_id("foo--bar"), HasSubstr("'--' or '..'"));
  EXPECT_THAT(refused_id("a/x..y"), HasSubstr("'--' or '..'"));
  EXPECT_THAT(refused_id("foo.git"), HasSubstr("ends in .git"));
  EXPECT_THAT(refused_id("foo bar"), HasSubstr("other than ASCII letters"));
  EXPECT_THAT(refused_id("caf\xc3\xa9"), HasSubstr("other than ASCII letters"));
  EXPECT_THAT(refused_id(""),
              HasSubstr("'': not a repository name (owner/name): it has an empty part"));
  EXPECT_THAT(refused_id("a/"), HasSubstr("an empty part"));
  EXPECT_THAT(refused_id("../x"), HasSubstr("begins or ends with '-' or '.'"));
}

TEST(RepoRevisionTest, FollowsAnAtSign) {
  const RepoRevision plain = RepoRevision::parse("a/b");
  EXPECT_EQ(plain.revision, "main");
  const RepoRevision tagged = RepoRevision::parse("hf-hub:a/b@refs/pr/1");
  EXPECT_EQ(tagged.repo.string(), "a/b");
  EXPECT_EQ(tagged.revision, "refs/pr/1");
}

TEST(RepoRevisionTest, IsASafePath) {
  for (const char* good : {"main", "v1.0", "dev/x", "refs/pr/1", "feature-1_x", "abc123"}) {
    EXPECT_EQ(refused_revision(good), "accepted");
  }
  EXPECT_THAT(refused_revision(""), HasSubstr("'': not a revision (branch"));
  EXPECT_THAT(refused_revision("a/../../x"), HasSubstr("it has '..'"));
  EXPECT_THAT(refused_revision("/etc"), HasSubstr("an empty part"));
  EXPECT_THAT(refused_revision("a//b"), HasSubstr("an empty part"));
  EXPECT_THAT(refused_revision("a/"), HasSubstr("an empty part"));
  EXPECT_THAT(refused_revision(".git/x"), HasSubstr("begins or ends with '.'"));
  EXPECT_THAT(refused_revision("a\\b"), HasSubstr("a blank, a control character"));
  EXPECT_THAT(refused_revision("a b"), HasSubstr("a blank, a control character"));
  EXPECT_THAT(refused_revision("a\nb"), HasSubstr("a\\x0ab: not a revision"));
  EXPECT_THAT(refused_revision(std::string(300, 'a')), HasSubstr("more than 200 bytes"));
}

TEST(RepoRevisionTest, RecognizesACommit) {
  EXPECT_TRUE(is_commit("0123456789abcdef0123456789abcdef01234567"));
  EXPECT_FALSE(is_commit("0123456789ABCDEF0123456789abcdef01234567"));
  EXPECT_FALSE(is_commit("0123456789abcdef0123456789abcdef0123456"));
  EXPECT_FALSE(is_commit("main"));
}

TEST(RepoIdTest, HasAnotherFolderForADataset) {
  EXPECT_EQ(RepoId::parse("a/b", RepoType::kDataset).cache_folder(), "datasets--a--b");
  EXPECT_NE(RepoId::parse("a/b", RepoType::kDataset), RepoId::parse("a/b"));
}

// huggingface_hub.HfFileSystem().resolve_path returns the same parts.
TEST(HfAddressTest, NamesAFileOfARepository) {
  const RepoFileName labels = parse_hf_address("hf://datasets/huggingface/label-files/a/b.json");
  EXPECT_EQ(labels.in.repo, RepoId::parse("huggingface/label-files", RepoType::kDataset));
  EXPECT_EQ(labels.in.revision, "main");
  EXPECT_EQ(labels.path, "a/b.json");
  const RepoFileName model = parse_hf_address("hf://timm/resnet18.a1_in1k@v1/config.json");
  EXPECT_EQ(model.in.repo, RepoId::parse("timm/resnet18.a1_in1k"));
  EXPECT_EQ(model.in.revision, "v1");
  EXPECT_EQ(parse_hf_address("hf://a/b@refs%2Fpr%2F1/c").in.revision, "refs/pr/1");
}

TEST(HfAddressTest, RefusesIncompleteAddresses) {
  for (const char* text : {"hf://", "hf://datasets/a/b", "hf://a/b", "hf://a/b/", "hf://a", "a/b/c",
                           "hf://datasets/a/b/"}) {
    EXPECT_THAT(refusal<UsageError>([&] { parse_hf_address(text); }),
                HasSubstr("not the address of a file in a repository; advice(write hf://owner"));
  }
  EXPECT_THAT(refusal<UsageError>([] { parse_hf_address("hf://a/b@x..y/c"); }),
              HasSubstr("revision"));
}

}  // namespace
}  // namespace weightlift
