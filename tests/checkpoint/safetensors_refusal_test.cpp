#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/checkpoint/parse.h"
#include "tests/checkpoint/refusal_case.h"
#include "tests/support/safetensors_builder.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint/safetensors.h"

namespace weightlift {
namespace {

using testing::case_name;
using testing::good_header;
using ::testing::HasSubstr;
using testing::one_tensor;
using testing::raw_entry;
using testing::raw_safetensors;
using testing::Refusal;
using testing::safetensors_with;
using ::testing::StartsWith;

constexpr std::uint64_t kMax64 = std::numeric_limits<std::uint64_t>::max();

/// A file that must be refused, and a part of the message.
class SafetensorsRefusalTest : public ::testing::TestWithParam<Refusal> {};

TEST_P(SafetensorsRefusalTest, StatesTheFault) {
  const std::string message = testing::refusal_of(GetParam().bytes);
  EXPECT_THAT(message, StartsWith("memory: "));
  EXPECT_THAT(message, HasSubstr(GetParam().reason));
  EXPECT_LT(message.size(), 600U);
  EXPECT_EQ(message.find('\n'), std::string::npos);
}

Refusal header_case(std::string name, const std::string& header, std::string reason) {
  return {std::move(name), safetensors_with(header, 8), std::move(reason)};
}

/// {"t":ENTRY} before 8 bytes of data.
Refusal entry_case(std::string name, const std::string& entry, std::string reason) {
  return header_case(std::move(name), one_tensor(entry), std::move(reason));
}

Refusal dtype_case(std::string name, const std::string& dtype, std::string reason) {
  return entry_case(std::move(name), raw_entry(dtype, "[2]", "[0,8]"), std::move(reason));
}

Refusal shape_case(std::string name, const std::string& shape, std::string reason) {
  return entry_case(std::move(name), raw_entry("\"F32\"", shape, "[0,8]"), std::move(reason));
}

Refusal offsets_case(std::string name, const std::string& offsets, std::string reason) {
  return entry_case(std::move(name), raw_entry("\"F32\"", "[2]", offsets), std::move(reason));
}

/// Two U8 tensors, a of 4 bytes and b of 4, at these ranges of 8 bytes of data.
Refusal pair_case(std::string name, const std::string& a, const std::string& b,
                  std::string reason) {
  return header_case(
      std::move(name),
      "{\"a\":" + raw_entry("\"U8\"", "[4]", a) + ",\"b\":" + raw_entry("\"U8\"", "[4]", b) + "}",
      std::move(reason));
}

Refusal metadata_case(std::string name, const std::string& metadata, std::string reason) {
  return {std::move(name), safetensors_with("{\"__metadata__\":" + metadata + "}", 0),
          std::move(reason)};
}

std::string repeated(std::string_view text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

std::string brackets(int count) { return repeated("[", count) + repeated("]", count); }

INSTANTIATE_TEST_SUITE_P(
    Lengths, SafetensorsRefusalTest,
    ::testing::Values(
        Refusal{"NoBytes", "", "expected at least 8 bytes, got 0"},
        Refusal{"SevenBytes", "1234567", "expected at least 8 bytes, got 7"},
        Refusal{"HeaderOfNoBytes", raw_safetensors(0, ""), "expected at least 2 bytes, got 0"},
        Refusal{"HeaderLongerThanFile", raw_safetensors(1000, good_header(), "12345678"),
                "truncated: expected a header of 1000 bytes, got 62; advice(download the file "
                "again)"},
        Refusal{"HeaderOfOneByteOverTheLimit", raw_safetensors(100'000'001, good_header()),
                "expected at most 100000000 bytes, got 100000001"},
        Refusal{"HeaderOfMaximalLength", raw_safetensors(kMax64, good_header()),
                "expected at most 100000000 bytes, got 18446744073709551615"},
        Refusal{"HeaderOfTheLimitInASmallFile", raw_safetensors(100'000'000, good_header()),
                "truncated: expected a header of 100000000 bytes, got 54"},
        Refusal{"OneByteTooMany", safetensors_with(good_header(), 9),
                "expected 8 bytes of tensor data, got 9"},
        Refusal{"OneByteMissing", safetensors_with(good_header(), 7),
                "truncated: expected 8 bytes of tensor data, got 7; advice(download the file "
                "again)"},
        Refusal{"DataWithoutTensors", safetensors_with("{}", 8),
                "expected 0 bytes of tensor data, got 8"}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Json, SafetensorsRefusalTest,
    ::testing::Values(
        header_case("ByteFF", "\xFF", "header: invalid JSON at byte 1: "),
        header_case("ByteFFInAName", "{\"\xFF\":1}", "ill-formed UTF-8"),
        header_case("OverlongSlash", "{\"\xC0\xAF\":1}", "ill-formed UTF-8"),
        header_case("SurrogateInUtf8", "{\"\xED\xA0\x80\":1}", "ill-formed UTF-8"),
        header_case("OpenObject", "{", "unexpected end of input"),
        header_case("Array", "[]", "header: expected a JSON object, got an array"),
        header_case("Null", "null", "header: expected a JSON object, got null"),
        header_case("Number", "5", "header: expected a JSON object, got 5"),
        header_case("Boolean", "true", "header: expected a JSON object, got true"),
        header_case("String", "\"x\"", "header: expected a JSON object, got \"x\""),
        header_case("TwoObjects", "{}{}", "unexpected '{'; expected end of input"),
        header_case("LetterAfterTheObject", good_header() + "x",
                    "header: invalid JSON at byte 55: "),
        header_case("NulAfterTheObject", good_header() + std::string(2, '\0'),
                    "header: invalid JSON at byte 54: a NUL byte"),
        header_case("VerticalTabAfterTheObject", good_header() + "\v",
                    "header: invalid JSON at byte 55: "),
        header_case("FormFeedAfterTheObject", good_header() + "\f",
                    "header: invalid JSON at byte 55: "),
        header_case("NoBreakSpaceAfterTheObject", good_header() + "\xC2\xA0",
                    "header: invalid JSON at byte 55: "),
        header_case("ByteOrderMark", "\xEF\xBB\xBF" + good_header(), "byte order mark"),
        header_case("Comment", "/* */" + good_header(), "invalid JSON at byte"),
        header_case("TrailingComma", "{\"__metadata__\":{},}", "invalid JSON at byte"),
        header_case("NewLineInAName", "{\"a\nb\":1}", "control character"),
        header_case("LoneSurrogateEscape", R"({"\ud800":1})", "surrogate"),
        header_case("NumberBeyondAllRange",
                    one_tensor(R"({"dtype":"F32","x":1e999,"shape":[2],"data_offsets":[0,8]})"),
                    "number overflow"),
        header_case("BracketsWithoutEnd", std::string(1'000'000, '['),
                    "expected a JSON object, got an array"),
        header_case("BracketsWithoutEndInAnIgnoredField",
                    "{\"t\":{\"x\":" + std::string(1'000'000, '['),
                    "header: nested deeper than 127 levels"),
        header_case("Level128", one_tensor("{\"x\":" + brackets(126) + "}"),
                    "header: nested deeper than 127 levels")),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Metadata, SafetensorsRefusalTest,
    ::testing::Values(
        metadata_case("NumberValue", R"({"a":1})", "__metadata__ 'a': expected a string, got 1"),
        metadata_case("NullValue", R"({"a":null})", "expected a string, got null"),
        metadata_case("ObjectValue", R"({"a":{}})", "expected a string, got an object"),
        metadata_case("ArrayValue", R"({"a":[]})", "expected a string, got an array"),
        metadata_case("BooleanValue", R"({"a":true})", "expected a string, got true"),
        metadata_case("AsArray", "[]", "__metadata__: expected an object of strings, got an array"),
        metadata_case("AsNumber", "5", "__metadata__: expected an object of strings, got 5"),
        metadata_case("AsString", "\"x\"", "expected an object of strings, got \"x\""),
        metadata_case("AsBoolean", "true", "expected an object of strings, got true"),
        metadata_case("AsTensor", raw_entry("\"F32\"", "[2]", "[0,8]"),
                      "__metadata__ 'shape': expected a string, got an array"),
        metadata_case("Twice", R"({},"__metadata__":{})", "header: duplicate key '__metadata__'"),
        metadata_case("TwiceAndNull", R"(null,"__metadata__":{})",
                      "header: duplicate key '__metadata__'"),
        metadata_case("TwiceEscaped", R"({},"\u005f_metadata__":{})",
                      "header: duplicate key '__metadata__'"),
        metadata_case("KeyTwice", R"({"a":"1","b":"2","a":"3"})",
                      "__metadata__: duplicate key 'a'")),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Names, SafetensorsRefusalTest,
    ::testing::Values(header_case("SameEntryTwice",
                                  "{\"t\":" + raw_entry("\"F32\"", "[2]", "[0,8]") +
                                      ",\"t\":" + raw_entry("\"F32\"", "[2]", "[0,8]") + "}",
                                  "tensor 't': duplicate name"),
                      header_case("SameNameOnTwoRanges",
                                  "{\"t\":" + raw_entry("\"F32\"", "[1]", "[0,4]") +
                                      ",\"t\":" + raw_entry("\"F32\"", "[1]", "[4,8]") + "}",
                                  "tensor 't': duplicate name"),
                      header_case("SameNameLastCoversAll",
                                  "{\"t\":" + raw_entry("\"F32\"", "[1]", "[0,4]") +
                                      ",\"t\":" + raw_entry("\"F32\"", "[2]", "[0,8]") + "}",
                                  "tensor 't': duplicate name"),
                      header_case("SameNameFirstCoversAll",
                                  "{\"t\":" + raw_entry("\"F32\"", "[2]", "[0,8]") +
                                      ",\"t\":" + raw_entry("\"F32\"", "[1]", "[0,4]") + "}",
                                  "tensor 't': duplicate name"),
                      header_case("SameNameOtherSpelling",
                                  "{\"t\":" + raw_entry("\"F32\"", "[2]", "[0,8]") +
                                      ",\"\\u0074\":" + raw_entry("\"F32\"", "[2]", "[0,8]") + "}",
                                  "tensor 't': duplicate name"),
                      header_case("EmptyName",
                                  "{\"\":" + raw_entry("\"F32\"", "[2]", "[0,8]") + "}",
                                  "tensor '': expected a name that is not empty"),
                      header_case("NulInName",
                                  "{\"a\\u0000b\":" + raw_entry("\"F32\"", "[2]", "[0,8]") + "}",
                                  "tensor 'a\\x00b': expected a name without NUL"),
                      header_case("NameOfAMillionBytes",
                                  "{\"" + std::string(1'000'000, 'n') +
                                      "\":" + raw_entry("\"F32\"", "[2]", "[0,8]") + "}",
                                  "expected a name of at most 100000 bytes"),
                      header_case("NameThatDrivesATerminal",
                                  "{\"\\u001b[31m\":" + raw_entry("\"F99\"", "[2]", "[0,8]") + "}",
                                  "tensor '\\x1b[31m'")),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Entries, SafetensorsRefusalTest,
    ::testing::Values(
        entry_case("Null", "null",
                   "tensor 't': expected an object with dtype, shape and "
                   "data_offsets, got null"),
        entry_case("Number", "5", "data_offsets, got 5"),
        entry_case("Array", R"(["F32",[2],[0,8]])", "data_offsets, got an array"),
        entry_case("WithoutDType", R"({"shape":[2],"data_offsets":[0,8]})",
                   "tensor 't': 'dtype' is missing"),
        entry_case("WithoutShape", R"({"dtype":"F32","data_offsets":[0,8]})",
                   "tensor 't': 'shape' is missing"),
        entry_case("WithoutOffsets", R"({"dtype":"F32","shape":[2]})",
                   "tensor 't': 'data_offsets' is missing"),
        entry_case("Empty", "{}", "tensor 't': 'dtype' is missing"),
        entry_case("DTypeTwice",
                   R"({"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]})",
                   "duplicate 'dtype'"),
        entry_case("ShapeTwice", R"({"dtype":"F32","shape":[2],"shape":[2],"data_offsets":[0,8]})",
                   "duplicate 'shape'"),
        entry_case("OffsetsTwiceEscaped",
                   R"({"dtype":"F32","shape":[2],"data_offsets":[0,8],"\u0064ata_offsets":[0,8]})",
                   "duplicate 'data_offsets'")),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    DTypes, SafetensorsRefusalTest,
    ::testing::Values(dtype_case("F33", "\"F33\"", "memory: tensor 't': unknown dtype 'F33'"),
                      dtype_case("LowerCase", "\"f32\"", "unknown dtype 'f32'"),
                      dtype_case("C128", "\"C128\"", "unknown dtype 'C128'"),
                      dtype_case("E8M0", "\"E8M0\"", "unknown dtype 'E8M0'"),
                      dtype_case("TorchsName", "\"F8_E8M0FNU\"", "unknown dtype 'F8_E8M0FNU'"),
                      dtype_case("I4", "\"I4\"", "unknown dtype 'I4'"),
                      dtype_case("Number", "5", "dtype: expected a string, got 5"),
                      dtype_case("Null", "null", "dtype: expected a string, got null"),
                      dtype_case("Object", R"({"F32":null})",
                                 "dtype: expected a string, got an object"),
                      entry_case("F4", raw_entry("\"F4\"", "[16]", "[0,8]"),
                                 "unsupported dtype 'F4': its elements are smaller than a byte"),
                      entry_case("F4OddCount", raw_entry("\"F4\"", "[15]", "[0,8]"),
                                 "unsupported dtype 'F4': its elements are smaller than a byte"),
                      entry_case("F4Scalar", raw_entry("\"F4\"", "[]", "[0,8]"),
                                 "unsupported dtype 'F4': its elements are smaller than a byte"),
                      entry_case("F6E2M3", raw_entry("\"F6_E2M3\"", "[4]", "[0,3]"),
                                 "unsupported dtype 'F6_E2M3'"),
                      entry_case("F6E3M2", raw_entry("\"F6_E3M2\"", "[3]", "[0,3]"),
                                 "unsupported dtype 'F6_E3M2'")),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Shapes, SafetensorsRefusalTest,
    ::testing::Values(
        shape_case("Negative", "[-2]", "shape: expected integers from 0 to 2^63 - 1, got -2"),
        shape_case("Float", "[2.0]", "shape: expected integers from 0 to 2^63 - 1, got 2.0"),
        shape_case("Exponent", "[2e0]", "shape: expected integers from 0 to 2^63 - 1, got 2e0"),
        shape_case("FloatWithoutDigits", "[2.]", "invalid JSON at byte"),
        shape_case("StringDimension", "[\"2\"]", "got \"2\""),
        shape_case("BooleanDimension", "[true]", "got true"),
        shape_case("NullDimension", "[null]", "got null"),
        shape_case("ArrayDimension", "[[2]]", "got an array"),
        shape_case("ObjectDimension", "[{}]", "got an object"),
        shape_case("LeadingZero", "[02]", "invalid JSON at byte"),
        shape_case("PlusSign", "[+2]", "invalid JSON at byte"),
        shape_case("Hexadecimal", "[0x2]", "invalid JSON at byte"),
        shape_case("MinusZero", "[-0]", "got -0"),
        shape_case("TwoTo64", "[18446744073709551616]", "got 18446744073709551616"),
        shape_case("TwoTo63", "[9223372036854775808]", "got 9223372036854775808"),
        shape_case("TrailingComma", "[2,]", "invalid JSON at byte"),
        shape_case("NoArray", "2", "shape: expected an array of dimensions, got 2"),
        shape_case("SixtyFiveDimensions", "[2" + repeated(",1", 64) + "]",
                   "shape: more than 64 dimensions"),
        shape_case("ProductWrapsToZero", "[4294967296,4294967296]",
                   "tensor 't': size of F32 [4294967296, 4294967296] exceeds 64 bits"),
        shape_case("ProductOverflows", "[2,9223372036854775807]", "exceeds 64 bits"),
        shape_case("BytesOverflow", "[4611686018427387904]", "exceeds 64 bits"),
        shape_case("BitsOverflow", "[576460752303423488]",
                   "span 8 bytes, but F32 [576460752303423488] needs 2305843009213693952"),
        entry_case("ZeroLastHidesOverflow",
                   raw_entry("\"F32\"", "[4294967296,4294967296,0]", "[0,0]"), "exceeds 64 bits"),
        entry_case("ZeroFirstHidesOverflow",
                   raw_entry("\"F32\"", "[0,4294967296,4294967296]", "[0,0]"), "exceeds 64 bits"),
        shape_case("TooFewElements", "[1]",
                   "tensor 't': data_offsets span 8 bytes, but F32 [1] needs 4"),
        shape_case("TooManyElements", "[3]", "data_offsets span 8 bytes, but F32 [3] needs 12"),
        shape_case("NoElements", "[0]", "data_offsets span 8 bytes, but F32 [0] needs 0")),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Offsets, SafetensorsRefusalTest,
    ::testing::Values(
        offsets_case("None", "[]", "data_offsets: expected two integers from 0 to 2^64 - 1, got 0"),
        offsets_case("One", "[0]", "data_offsets: expected two integers from 0 to 2^64 - 1, got 1"),
        offsets_case("Three", "[0,8,8]", "data_offsets: expected two integers"),
        offsets_case("Float", "[0,8.0]", "got 8.0"), offsets_case("MinusZero", "[-0,8]", "got -0"),
        offsets_case("Object", R"({"0":0,"1":8})", "expected an array of two offsets, got an"),
        offsets_case("Nested", "[[0,8]]", "got an array"),
        offsets_case("Reversed", "[8,0]", "got [8, 0]: reversed"),
        offsets_case("FirstNotAtZero", "[4,12]",
                     "expected a range from 0 on, where the data begin, got [4, 12]: a hole"),
        pair_case("Hole", "[0,4]", "[5,9]",
                  "tensor 'b': data_offsets: expected a range from 4 on, where 'a' ends, got [5, "
                  "9]: a hole"),
        pair_case("Overlap", "[0,4]", "[2,6]", "where 'a' ends, got [2, 6]: an overlap"),
        pair_case("SameRange", "[0,4]", "[0,4]", "got [0, 4]: an overlap"),
        pair_case("Inside", "[0,8]", "[2,6]", "span 8 bytes, but U8 [4] needs 4"),
        header_case("EmptyTensorInsideAnother",
                    "{\"a\":" + raw_entry("\"U8\"", "[8]", "[0,8]") +
                        ",\"e\":" + raw_entry("\"U8\"", "[0]", "[4,4]") + "}",
                    "tensor 'e': data_offsets: expected a range from 8 on"),
        header_case("EmptyTensorPastTheEnd",
                    "{\"a\":" + raw_entry("\"U8\"", "[8]", "[0,8]") +
                        ",\"e\":" + raw_entry("\"U8\"", "[0]", "[9,9]") + "}",
                    "got [9, 9]: a hole"),
        entry_case("EmptyTensorAtTheEndOfNumbers",
                   raw_entry("\"U8\"", "[0]", "[18446744073709551615,18446744073709551615]"),
                   "a hole"),
        offsets_case("ToTheEndOfNumbers", "[0,18446744073709551615]",
                     "span 18446744073709551615 bytes, but F32 [2] needs 8"),
        entry_case("HugeButConsistent",
                   raw_entry("\"U8\"", "[9223372036854775807]", "[0,9223372036854775807]"),
                   "truncated: expected 9223372036854775807 bytes of tensor data, got 8")),
    case_name);

TEST(SafetensorsLimitTest, RefusesAMillionTensorsEarly) {
  std::string header = "{";
  for (int i = 0; i < 1'000'000; ++i) {
    header += fmt::format("{}\"{}\":{}", i == 0 ? "" : ",", i, raw_entry("\"U8\"", "[0]", "[0,0]"));
  }
  EXPECT_THAT(testing::refusal_of(safetensors_with(header + "}", 0)),
              HasSubstr("header: more than 100000 tensors"));
}

TEST(SafetensorsLimitTest, RefusesAMillionMetadataEntries) {
  std::string header = "{\"__metadata__\":{";
  for (int i = 0; i < 1'000'000; ++i) header += fmt::format("{}\"{}\":\"\"", i == 0 ? "" : ",", i);
  EXPECT_THAT(testing::refusal_of(safetensors_with(header + "}}", 0)),
              HasSubstr("__metadata__: more than 100000 entries"));
}

}  // namespace
}  // namespace weightlift
