#include "weightlift/predict/csv.h"

#include <gtest/gtest.h>

#include "tests/support/refusal.h"
#include "weightlift/base/message.h"

namespace weightlift {
namespace {

using testing::refusal;
using Fields = std::vector<std::string>;

TEST(CsvTest, ReadsQuotesAndBothLineEnds) {
  const auto records = parse_csv(
      "\xEF\xBB\xBFplain,two words\r\n\n\"a,b\",\"say \"\"hi\"\"\"\n\"\"\"\",\"over\nlines\"\n,",
      "x");
  ASSERT_EQ(records.size(), 4U);
  EXPECT_EQ(records[0].fields, (Fields{"plain", "two words"}));
  EXPECT_EQ(records[1].fields, (Fields{"a,b", "say \"hi\""}));
  EXPECT_EQ(records[1].line, 3U);
  EXPECT_EQ(records[2].fields, (Fields{"\"", "over\nlines"}));
  EXPECT_EQ(records[3].fields, (Fields{"", ""}));
  EXPECT_EQ(records[3].line, 6U);
}

TEST(CsvTest, RefusesMisplacedQuotes) {
  EXPECT_EQ(refusal<FormatError>([] { parse_csv("a\n\"b\nc", "x.csv"); }),
            "x.csv: line 2: missing closing quote");
  EXPECT_EQ(refusal<FormatError>([] { parse_csv("\"a\"b,c", "x.csv"); }),
            "x.csv: line 1: expected a comma after the closing quote");
}

TEST(CsvTest, FieldsAreReadAsTheyAreWritten) {
  EXPECT_EQ(csv_field("two words"), "two words");
  for (const char* text : {"a,b", "say \"hi\"", "\"", "over\nlines", "\r", ""}) {
    const auto records = parse_csv(csv_field(text) + ",x", "x");
    ASSERT_EQ(records.size(), 1U);
    EXPECT_EQ(records[0].fields, (Fields{text, "x"}));
  }
}

}  // namespace
}  // namespace weightlift
