#include <gmock/gmock.h>

#include "tests/support/refusal.h"
#include "weightlift/base/message.h"

namespace weightlift {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::refusal;

TEST(ErrorTest, HasFactsAndOneLineOfText) {
  const NotFoundError error("a.pth", "not found", advice("check the name"));
  EXPECT_EQ(error.kind(), ErrorKind::kNotFound);
  EXPECT_EQ(error.where(), "a.pth");
  EXPECT_EQ(error.message(), "not found");
  EXPECT_THAT(error.hints(), ElementsAre(Hint{HintCode::kAdvice, {"check the name"}}));
  EXPECT_STREQ(error.what(), "a.pth: not found");
}

TEST(ErrorTest, NeedsNoPlaceAndNoHints) {
  const UsageError error("unknown model 'resnet19'");
  EXPECT_EQ(error.where(), "");
  EXPECT_THAT(error.hints(), IsEmpty());
  EXPECT_STREQ(error.what(), "unknown model 'resnet19'");
}

TEST(ErrorTest, EachClassHasItsKind) {
  EXPECT_EQ(NotFoundError("x").kind(), ErrorKind::kNotFound);
  EXPECT_EQ(ExistsError("x").kind(), ErrorKind::kExists);
  EXPECT_EQ(FormatError("x").kind(), ErrorKind::kInvalidFormat);
  EXPECT_EQ(UnsupportedError("x").kind(), ErrorKind::kUnsupported);
  EXPECT_EQ(MismatchError("x").kind(), ErrorKind::kMismatch);
  EXPECT_EQ(IoError("x").kind(), ErrorKind::kIo);
  EXPECT_EQ(UsageError("x").kind(), ErrorKind::kUsage);
  EXPECT_EQ(NoMemoryError("x").kind(), ErrorKind::kNoMemory);
  EXPECT_EQ(HubError("url", "x").kind(), ErrorKind::kNetwork);
  EXPECT_EQ(Interrupted(2).kind(), ErrorKind::kInterrupted);
}

TEST(ErrorTest, NamesOfKindsAreStable) {
  std::vector<std::string_view> names;
  for (int kind = 0; kind <= static_cast<int>(ErrorKind::kInternal); ++kind) {
    names.push_back(to_string(static_cast<ErrorKind>(kind)));
  }
  EXPECT_THAT(names,
              ElementsAre("not_found", "exists", "invalid_format", "unsupported", "mismatch", "io",
                          "usage", "network", "auth", "no_memory", "interrupted", "internal"));
}

TEST(HubErrorTest, KeepsStatusAndRequestId) {
  const HubError error(ErrorKind::kAuth, "https://hub", "permission denied", {}, 403, "Root=1-2");
  EXPECT_EQ(error.kind(), ErrorKind::kAuth);
  EXPECT_EQ(error.status(), 403);
  EXPECT_EQ(error.request_id(), "Root=1-2");
  EXPECT_STREQ(error.what(), "https://hub: permission denied");
  EXPECT_EQ(HubError("https://hub", "no reply").status(), 0);
}

TEST(HubErrorTest, TakesMoreHintsAndKeepsTheRest) {
  const HubError error(ErrorKind::kNotFound, "url", "not found", advice("a"), 404, "id");
  const HubError more = with_hints(error, advice("b"));
  EXPECT_THAT(more.hints(),
              ElementsAre(Hint{HintCode::kAdvice, {"a"}}, Hint{HintCode::kAdvice, {"b"}}));
  EXPECT_EQ(more.kind(), ErrorKind::kNotFound);
  EXPECT_EQ(more.status(), 404);
  EXPECT_EQ(more.request_id(), "id");
  EXPECT_STREQ(more.what(), "url: not found");
}

TEST(InterruptedTest, NamesItsSignal) {
  EXPECT_EQ(Interrupted(15).signal_number(), 15);
  EXPECT_STREQ(Interrupted(1).what(), "hung up");
  EXPECT_STREQ(Interrupted(2).what(), "interrupted");
  EXPECT_STREQ(Interrupted(15).what(), "terminated");
  EXPECT_STREQ(Interrupted(10).what(), "stopped by SIGUSR1");
  EXPECT_STREQ(Interrupted(40).what(), "stopped by signal 40");
}

TEST(HintTest, IsACodeWithValues) {
  EXPECT_EQ(to_string(Hint{HintCode::kChooseHead, {"encoder.fc"}}), "choose-head(encoder.fc)");
  EXPECT_EQ(to_string(Hint{HintCode::kDidYouMean, {"resnet18", "resnet34"}}),
            "did-you-mean(resnet18, resnet34)");
  EXPECT_EQ(to_string(Hint{HintCode::kReplace, {}}), "replace()");
}

TEST(HintTest, NamesAreStable) {
  std::vector<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(HintCode::kGiveNames); ++code) {
    names.push_back(to_string(static_cast<HintCode>(code)));
  }
  EXPECT_THAT(names, ElementsAre("advice", "did-you-mean", "replace", "choose-name",
                                 "choose-output", "choose-weights", "ignore-tensors", "choose-head",
                                 "drop-head", "give-architecture", "omit-architecture",
                                 "give-image-processor", "give-labels", "target-timm",
                                 "convert-first", "list-models", "use-repository-prefix",
                                 "allow-public", "accept-license", "choose-repository", "name-each",
                                 "add-training-state", "give-shard", "give-names"));
}

TEST(JoinPlacesTest, NamesEachPlaceOnce) {
  EXPECT_EQ(join_places("a.pth", "layer1.0"), "a.pth: layer1.0");
  EXPECT_EQ(join_places("a.pth", ""), "a.pth");
  EXPECT_EQ(join_places("", "layer1.0"), "layer1.0");
  EXPECT_EQ(join_places("", ""), "");
  EXPECT_EQ(join_places("a.pth", "a.pth"), "a.pth");
  EXPECT_EQ(join_places("a.pth", "a.pth: layer1.0"), "a.pth: layer1.0");
  EXPECT_EQ(join_places("a.pth", "a.pth.bak"), "a.pth: a.pth.bak");
}

TEST(WithContextTest, ReturnsTheResult) {
  EXPECT_EQ(with_context("a.pth", [] { return 7; }), 7);
}

TEST(WithContextTest, PutsThePlaceInFrontAndKeepsTheClass) {
  EXPECT_EQ(refusal<MismatchError>([] {
              with_context("a.pth", [] { throw MismatchError("fc", "differ", advice("a")); });
            }),
            "a.pth: fc: differ; advice(a)");
  EXPECT_EQ(refusal<UnsupportedError>([] {
              with_context("a.pth", [] { throw UnsupportedError("", "unsupported", advice("a")); });
            }),
            "a.pth: unsupported; advice(a)");
}

TEST(WithContextTest, LeavesOtherErrorsAlone) {
  EXPECT_EQ(refusal<FormatError>(
                [] { with_context("a.pth", [] { throw FormatError("b.json", "invalid JSON"); }); }),
            "b.json: invalid JSON");
}

TEST(PrintableTest, LeavesTextAlone) {
  EXPECT_EQ(printable(""), "");
  EXPECT_EQ(printable("layer1.0.conv1.weight ~"), "layer1.0.conv1.weight ~");
  EXPECT_EQ(printable("Gr\xC3\xBC\xC3\x9F"
                      "e \xE2\x82\xAC \xF0\x9F\x90\x9F"),
            "Gr\xC3\xBC\xC3\x9F"
            "e \xE2\x82\xAC \xF0\x9F\x90\x9F");
}

TEST(PrintableTest, EscapesTerminalControl) {
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

// They make one word read as another, or break a line.
TEST(PrintableTest, EscapesMarksOfTheDirectionOfWriting) {
  EXPECT_EQ(printable("\xD8\x9C"), "\\xd8\\x9c");                // U+061C
  EXPECT_EQ(printable("\xE2\x80\x8E"), "\\xe2\\x80\\x8e");       // U+200E
  EXPECT_EQ(printable("\xE2\x80\x8F"), "\\xe2\\x80\\x8f");       // U+200F
  EXPECT_EQ(printable("\xE2\x80\xA8"), "\\xe2\\x80\\xa8");       // U+2028
  EXPECT_EQ(printable("a\xE2\x80\xAE"), "a\\xe2\\x80\\xae");     // U+202E
  EXPECT_EQ(printable("\xE2\x81\xA6"), "\\xe2\\x81\\xa6");       // U+2066
  EXPECT_EQ(printable("\xE2\x81\xA9"), "\\xe2\\x81\\xa9");       // U+2069
  EXPECT_EQ(printable("\xE2\x80\xA7"), "\xE2\x80\xA7");          // U+2027 is a dot
  EXPECT_EQ(printable("\xD9\x85\xD7\x90"), "\xD9\x85\xD7\x90");  // letters from right to left
}

TEST(PrintableTest, EscapesOnce) {
  const std::string once = printable("\x1b[31m\xE2\x80\xAE\xFF");
  EXPECT_EQ(printable(once), once);
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
