#include "weightlift/export/yaml.h"

#include <gtest/gtest.h>

#include <string>

namespace weightlift {
namespace {

// tests/conformance reads such values back with PyYAML.
TEST(YamlQuotedTest, KeepsPrintableText) {
  EXPECT_EQ(yaml_quoted(""), R"("")");
  EXPECT_EQ(yaml_quoted("apache-2.0"), R"("apache-2.0")");
  EXPECT_EQ(yaml_quoted(R"(a "b" \n: # 'c')"), R"("a \"b\" \\n: # 'c'")");
  EXPECT_EQ(yaml_quoted("Größe 花 \U0001F338"), "\"Größe 花 \U0001F338\"");
}

TEST(YamlQuotedTest, EscapesWhatYamlReadsInAnotherWay) {
  EXPECT_EQ(yaml_quoted("mit\n---\r\t\x7F"), R"("mit\u000A---\u000D\u0009\u007F")");
  EXPECT_EQ(yaml_quoted(std::string("a\0b", 3)), R"("a\u0000b")");
  EXPECT_EQ(yaml_quoted("mit\u2028---\u2029\u0085"), R"("mit\u2028---\u2029\u0085")");
  EXPECT_EQ(yaml_quoted("\uFEFF\uFFFE\uFFFF"), R"("\uFEFF\uFFFE\uFFFF")");
}

TEST(YamlQuotedTest, EscapesTheDirectionOfText) {
  EXPECT_EQ(yaml_quoted("a\u202Eb\u2066c\u200Fd\u061C"), R"("a\u202Eb\u2066c\u200Fd\u061C")");
}

TEST(YamlQuotedTest, ReplacesInvalidUtf8) {
  EXPECT_EQ(yaml_quoted("a\xFFz\xE2\x80"), R"("a\uFFFDz\uFFFD\uFFFD")");
}

}  // namespace
}  // namespace weightlift
