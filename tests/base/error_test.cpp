#include "weightlift/base/error.h"

#include <gmock/gmock.h>

#include <new>

namespace weightlift {
namespace {

TEST(ExitCodeTest, IsOneForEachFamily) {
  EXPECT_EQ(exit_code(UsageError("no such model")), 2);
  EXPECT_EQ(exit_code(FormatError("bad bytes")), 3);
  EXPECT_EQ(exit_code(MismatchError("two sides")), 3);
  EXPECT_EQ(exit_code(IoError("no such file")), 3);
  EXPECT_EQ(exit_code(Error("something")), 3);
  EXPECT_EQ(exit_code(HubError("404")), 5);
}

TEST(ExitCodeTest, OfASignalIsTheShells) {
  EXPECT_EQ(exit_code(Interrupted(2)), 130);
  EXPECT_EQ(exit_code(Interrupted(15)), 143);
  EXPECT_STREQ(Interrupted(2).what(), "interrupted");
  EXPECT_STREQ(Interrupted(15).what(), "terminated");
}

TEST(ExitCodeTest, OfAnythingElseIsABug) {
  EXPECT_EQ(exit_code(std::runtime_error("x")), 1);
  EXPECT_EQ(exit_code(std::bad_alloc()), 1);
}

TEST(PrintableTest, LeavesTextAlone) {
  EXPECT_EQ(printable(""), "");
  EXPECT_EQ(printable("layer1.0.conv1.weight ~"), "layer1.0.conv1.weight ~");
  EXPECT_EQ(printable("Gr\xC3\xBC\xC3\x9F"
                      "e \xE2\x82\xAC \xF0\x9F\x90\x9F"),
            "Gr\xC3\xBC\xC3\x9F"
            "e \xE2\x82\xAC \xF0\x9F\x90\x9F");
}

TEST(PrintableTest, EscapesWhatDrivesATerminal) {
  EXPECT_EQ(printable("a\nb\r\tc"), "a\\x0ab\\x0d\\x09c");
  EXPECT_EQ(printable("\x1b[31mred"), "\\x1b[31mred");
  EXPECT_EQ(printable("\x7f"), "\\x7f");
  EXPECT_EQ(printable(std::string_view("\0", 1)), "\\x00");
  // U+009B, the one-character form of ESC [.
  EXPECT_EQ(printable("\xC2\x9B"
                      "31m"),
            "\\xc2\\x9b31m");
  EXPECT_EQ(printable("\xC2\xA0"), "\xC2\xA0");
}

TEST(PrintableTest, EscapesInvalidUtf8) {
  EXPECT_EQ(printable("\x80"), "\\x80");                    // a continuation without its lead
  EXPECT_EQ(printable("\xC3("), "\\xc3(");                  // a lead without its continuation
  EXPECT_EQ(printable("\xE2\x82"), "\\xe2\\x82");           // cut off
  EXPECT_EQ(printable("\xC0\xAF"), "\\xc0\\xaf");           // overlong, two bytes
  EXPECT_EQ(printable("\xE0\x80\xAF"), "\\xe0\\x80\\xaf");  // overlong, three bytes
  EXPECT_EQ(printable("\xED\xA0\x80"), "\\xed\\xa0\\x80");  // a surrogate
  EXPECT_EQ(printable("\xF4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // beyond U+10FFFF
  EXPECT_EQ(printable("\xFF"), "\\xff");
}

TEST(PrintableTest, ShortensInTheMiddle) {
  EXPECT_EQ(printable("abcdefghij", 10), "abcdefghij");
  EXPECT_EQ(printable("abcdefghijk", 10), "abcde...ghijk");
  EXPECT_LE(printable(std::string(1'000'000, 'x')).size(), 123U);
}

}  // namespace
}  // namespace weightlift
