#include "weightlift/hub/path_patterns.h"

#include <gtest/gtest.h>

namespace weightlift {
namespace {

struct Row {
  const char* pattern;
  const char* path;
  bool matches;
};

// Each row as Python 3's fnmatch.fnmatchcase answers.
constexpr Row kRows[] = {
    {"*.json", "config.json", true},
    {"*.json", "sub/deep/config.json", true},
    {"*.json", "config.jsonl", false},
    {"config.json", "sub/config.json", false},
    {"sub*", "sub/config.json", true},
    {"?.bin", "a.bin", true},
    {"?.bin", "/.bin", true},
    {"?.bin", "ab.bin", false},
    {"?.bin", "\xC3\xA9.bin", true},
    {"??.bin", "\xC3\xA9.bin", false},
    {"[a-c].bin", "b.bin", true},
    {"[a-c].bin", "d.bin", false},
    {"[!a-c].bin", "d.bin", true},
    {"[!a-c].bin", "b.bin", false},
    {"[^a].bin", "^.bin", true},
    {"[^a].bin", "b.bin", false},
    {"[]].bin", "].bin", true},
    {"[!]].bin", "].bin", false},
    {"[c-a].bin", "b.bin", false},
    {"[!c-a].bin", "b.bin", true},
    {"[a-].bin", "-.bin", true},
    {"[-a].bin", "-.bin", true},
    {"[a-b-c].bin", "-.bin", true},
    {"[[:alpha:]].bin", "a.bin", false},
    {"[", "[", true},
    {"[a", "[a", true},
    {"[!", "[!", true},
    {"[]", "[]", true},
    {"*", ".hidden", true},
    {"", "", true},
    {"", "a", false},
    {"a*b*c", "aXbXbXc", true},
    {"a*b*c", "aXbXbX", false},
    {"**", "", true},
};

TEST(PathPatternsTest, MatchesAsPythonsFnmatch) {
  for (const Row& row : kRows) {
    EXPECT_EQ(matches_pattern(row.path, row.pattern), row.matches)
        << row.pattern << " " << row.path;
  }
}

TEST(PathPatternsTest, AFinalSlashIsTheContentOfTheFolder) {
  EXPECT_TRUE(matches_pattern("onnx/model.onnx", "onnx/"));
  EXPECT_TRUE(matches_pattern("onnx/deep/model.onnx", "onnx/"));
  EXPECT_FALSE(matches_pattern("onnx.txt", "onnx/"));
  EXPECT_FALSE(matches_pattern("sub/onnx/model.onnx", "onnx/"));
  EXPECT_TRUE(matches_pattern("sub/onnx/model.onnx", "*/onnx/"));
}

TEST(PathPatternsTest, ABackslashStandsForASlash) {
  EXPECT_TRUE(matches_pattern("onnx/model.onnx", R"(onnx\*.onnx)"));
  EXPECT_TRUE(matches_pattern("onnx/model.onnx", R"(onnx\)"));
  EXPECT_TRUE(matches_pattern(R"(a\b)", "a/b"));
}

TEST(PathPatternsTest, TakesTimeInProportionToTheTexts) {
  const std::string path(10'000, 'a');
  std::string pattern;
  for (int i = 0; i < 100; ++i) pattern += "*a";
  EXPECT_FALSE(matches_pattern(path, pattern + "*b"));
}

TEST(PathPatternsTest, ExcludesWhatIsIncluded) {
  const PathFilter filter{{"*.json", "*.safetensors"}, {"optimizer*", "old/"}};
  EXPECT_TRUE(is_chosen("config.json", filter));
  EXPECT_FALSE(is_chosen("README.md", filter));
  EXPECT_FALSE(is_chosen("optimizer.json", filter));
  EXPECT_FALSE(is_chosen("old/config.json", filter));
  EXPECT_TRUE(is_chosen("README.md", PathFilter{}));
  EXPECT_TRUE(is_chosen("README.md", (PathFilter{{}, {"*.json"}})));
}

}  // namespace
}  // namespace weightlift
