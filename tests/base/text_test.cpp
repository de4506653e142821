#include "weightlift/base/text.h"

#include <gtest/gtest.h>

namespace weightlift {
namespace {

TEST(FillInTest, ReplacesNamesByValues) {
  EXPECT_EQ(fill_in("{count} of {total} images", {{"count", "3"}, {"total", "7"}}),
            "3 of 7 images");
  EXPECT_EQ(fill_in("{a}{a}-{b}", {{"a", "x"}, {"b", "y"}}), "xx-y");
  EXPECT_EQ(fill_in("no names", {{"a", "x"}}), "no names");
  EXPECT_EQ(fill_in("", {}), "");
}

TEST(FillInTest, ReplacesUnknownNamesByNothing) {
  EXPECT_EQ(fill_in("a{unknown}b", {{"known", "x"}}), "ab");
  EXPECT_EQ(fill_in("a{}b", {}), "ab");
}

TEST(FillInTest, DoesNotSearchValues) {
  EXPECT_EQ(fill_in("{a} {b}", {{"a", "{b}"}, {"b", "{a}"}}), "{b} {a}");
}

TEST(FillInTest, KeepsAnOpenBrace) {
  EXPECT_EQ(fill_in("a {b", {{"b", "x"}}), "a {b");
  EXPECT_EQ(fill_in("a } {b}", {{"b", "x"}}), "a } x");
}

TEST(ReplaceAllTest, ReplacesEachOnce) {
  std::string text = "a.b.c";
  replace_all(text, ".", "..");
  EXPECT_EQ(text, "a..b..c");
}

TEST(FirstOfTest, CountsTheRest) {
  EXPECT_EQ(first_of({}), "");
  EXPECT_EQ(first_of({"a", "b"}), "a, b");
  EXPECT_EQ(first_of({"a", "b", "c", "d"}, 3), "a, b, c and 1 more");
}

}  // namespace
}  // namespace weightlift
