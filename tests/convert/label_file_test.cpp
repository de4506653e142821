#include "weightlift/convert/label_file.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/refusal.h"
#include "weightlift/base/message.h"

namespace weightlift {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::refusal;
using namespace std::string_view_literals;

std::vector<std::string> labels_of(std::string_view text) {
  return parse_label_file(text, "labels").labels;
}

std::string form_of(std::string_view text) { return parse_label_file(text, "labels").form; }

std::string malformation_of(std::string_view text) {
  return refusal<FormatError>([&] { labels_of(text); });
}

auto is_cat_dog_eel() { return ElementsAre("cat", "dog", "eel"); }

// Lines of text.

TEST(LabelLinesTest, KeepsLinesUnchanged) {
  EXPECT_THAT(labels_of("cat\ndog\neel\n"), is_cat_dog_eel());
  EXPECT_THAT(labels_of("cat\ndog\neel"), is_cat_dog_eel());
  EXPECT_THAT(labels_of("tench, Tinca tinca\n\u00e9l\u00e8ve\nn2"),
              ElementsAre("tench, Tinca tinca", "\u00e9l\u00e8ve", "n2"));
  EXPECT_EQ(form_of("cat\ndog"), "one label per line");
}

TEST(LabelLinesTest, StripsBlanks) {
  EXPECT_THAT(labels_of(" cat\ndog \n\teel\t\n"), is_cat_dog_eel());
  EXPECT_THAT(labels_of("cat\r\ndog\r\neel\r\n"), is_cat_dog_eel());
  EXPECT_THAT(labels_of("\xEF\xBB\xBF"
                        "cat\ndog\neel\n"),
              is_cat_dog_eel());
}

TEST(LabelLinesTest, AcceptsBlankLinesOnlyAtTheEnd) {
  EXPECT_THAT(labels_of("cat\ndog\neel\n\n \r\n\t\n"), is_cat_dog_eel());
  EXPECT_EQ(malformation_of("cat\ndog\n \neel\n"),
            "labels: line 3: expected a label, got a blank line");
  EXPECT_EQ(malformation_of("\ncat\n"), "labels: line 1: expected a label, got a blank line");
  EXPECT_THAT(labels_of(""), IsEmpty());
  EXPECT_THAT(labels_of("\n\n"), IsEmpty());
}

TEST(LabelLinesTest, KeepsNumbersThatAreNoIndex) {
  EXPECT_THAT(labels_of("1984\n7 Up\nGrade 3\n"), ElementsAre("1984", "7 Up", "Grade 3"));
  EXPECT_THAT(labels_of("2\n0\n1\n"), ElementsAre("2", "0", "1"));
  EXPECT_THAT(labels_of("2 Fast\n2 Furious\n"), ElementsAre("2 Fast", "2 Furious"));
  EXPECT_THAT(labels_of("0 cat\n2 dog\n"), ElementsAre("0 cat", "2 dog"));
  EXPECT_THAT(labels_of("2 cat\n3 dog\n"), ElementsAre("2 cat", "3 dog"));
  EXPECT_THAT(labels_of("0 cat\n0 dog\n"), ElementsAre("0 cat", "0 dog"));
  EXPECT_THAT(labels_of("0 cat\ndog\n"), ElementsAre("0 cat", "dog"));
  EXPECT_THAT(labels_of("0\n1 dog\n"), ElementsAre("0", "1 dog"));
  EXPECT_THAT(labels_of("-0 cat\n+1 dog\n"), ElementsAre("-0 cat", "+1 dog"));
  EXPECT_THAT(labels_of("0cat\n1dog\n"), ElementsAre("0cat", "1dog"));
  EXPECT_THAT(labels_of("18446744073709551616 cat\n1 dog\n"),
              ElementsAre("18446744073709551616 cat", "1 dog"));
}

TEST(LabelLinesTest, KeepsNumbersOfEqualLabels) {
  EXPECT_THAT(labels_of("Grade 0\nGrade 1\nGrade 2\n"),
              ElementsAre("Grade 0", "Grade 1", "Grade 2"));
  EXPECT_THAT(labels_of("0 Up\n1 Up\n"), ElementsAre("0 Up", "1 Up"));
  EXPECT_EQ(form_of("0 crane\n1 owl\n2 crane\n"),
            "one label per line (the numbers are not an index: 'crane' occurs twice)");
}

TEST(LabelLinesTest, OrdersByAnIndexAtTheFront) {
  EXPECT_THAT(labels_of("0 cat\n1 dog\n2 eel\n"), is_cat_dog_eel());
  EXPECT_THAT(labels_of("2 eel\n0 cat\n1 dog\n"), is_cat_dog_eel());
  EXPECT_THAT(labels_of("3 eel\n1 cat\n2 dog\n"), is_cat_dog_eel());
  EXPECT_THAT(labels_of("000 cat\n001 dog\n002 eel\n"), is_cat_dog_eel());
  EXPECT_THAT(labels_of("  0   cat  \n1\tdog\n 2 \t eel\n"), is_cat_dog_eel());
  EXPECT_EQ(form_of("1 dog\n0 cat\n"), "an index, then a label on each line");
}

TEST(LabelLinesTest, AcceptsMarksAfterTheIndex) {
  for (const char* mark : {"\t", ":", ": ", " : ", ",", ", ", ";", "=", " = ", "|", ". ", ") "}) {
    EXPECT_THAT(labels_of(fmt::format("1{0}tench, Tinca: a fish\n0{0}7 Up\n", mark)),
                ElementsAre("7 Up", "tench, Tinca: a fish"))
        << mark;
  }
  // CUB-200's classes.txt: only its first number is a column.
  EXPECT_THAT(labels_of("1 001.Albatross\n2 002.Auk\n"), ElementsAre("001.Albatross", "002.Auk"));
  EXPECT_THAT(labels_of("001.Albatross\n002.Auk\n"), ElementsAre("001.Albatross", "002.Auk"));
  EXPECT_THAT(labels_of("0: cat\n1, dog\n"), ElementsAre("0: cat", "1, dog"));
}

TEST(LabelLinesTest, OrdersByAnIndexAtTheEnd) {
  // categories_places365.txt
  EXPECT_THAT(labels_of("/a/airfield 0\n/a/airplane_cabin 1\n/z/zen garden 2\n"),
              ElementsAre("/a/airfield", "/a/airplane_cabin", "/z/zen garden"));
  EXPECT_THAT(labels_of("eel: 2\ncat: 0\ndog: 1\n"), is_cat_dog_eel());
  EXPECT_THAT(labels_of("dog,1\ncat,0\n\"eel\",2\n"), is_cat_dog_eel());
  EXPECT_EQ(form_of("dog 1\ncat 0\n"), "a label, then an index on each line");
  // An index from 1 is more often a part of the name.
  EXPECT_THAT(labels_of("cat 1\ndog 2\n"), ElementsAre("cat 1", "dog 2"));
}

TEST(LabelLinesTest, RefusesAnIndexAtBothEnds) {
  const char* const reason =
      "labels: each line has an index at both ends; "
      "advice(remove one of the two columns)";
  EXPECT_EQ(malformation_of("1 cat 0\n2 dog 1\n"), reason);
  EXPECT_EQ(malformation_of("0 2\n1 0\n2 1\n"), reason);
  EXPECT_THAT(labels_of("0 0\n2 2\n1 1\n"), ElementsAre("0", "1", "2"));
}

TEST(LabelLinesTest, AcceptsAHeader) {
  EXPECT_THAT(labels_of("id\tname\n1\tdog\n0\tcat\n2\teel\n"), is_cat_dog_eel());
  EXPECT_THAT(labels_of("class_id,class name\n0,cat\n1,dog\n2,eel\n"), is_cat_dog_eel());
  EXPECT_THAT(labels_of("name,id\ncat,0\neel,2\ndog,1\n"), is_cat_dog_eel());
  EXPECT_THAT(labels_of(",name\n0,cat\n1,dog\n2,eel\n"), is_cat_dog_eel());  // pandas
  EXPECT_THAT(labels_of("\"\",\"x\"\n\"1\",\"cat\"\n\"2\",\"dog\"\n\"3\",\"eel\"\n"),
              is_cat_dog_eel());  // R's write.csv
  EXPECT_EQ(form_of("id\tname\n0\tcat\n1\tdog\n"),
            "an index, then a label on each line, after a header");
}

TEST(LabelLinesTest, DoesNotTakeALineWithANumberForAHeader) {
  EXPECT_THAT(labels_of("7 name\n0 cat\n1 dog\n"), ElementsAre("7 name", "0 cat", "1 dog"));
  EXPECT_THAT(labels_of("name\n0 cat\n1 dog\n"), ElementsAre("name", "0 cat", "1 dog"));
  EXPECT_THAT(labels_of("Diet Coke\n1 Up\n"), ElementsAre("Diet Coke", "1 Up"));
  EXPECT_EQ(malformation_of("id,name,kind\n0,cat,mammal\n1,cod,fish\n"),
            "labels: line 1: expected two columns, the index and the label, got 3");
}

TEST(LabelLinesTest, ReadsCsvOnlyAfterAnIndex) {
  EXPECT_THAT(labels_of("red, dark\nred, light\n"), ElementsAre("red, dark", "red, light"));
  EXPECT_THAT(labels_of("\"red\", dark\nblue\n"), ElementsAre("\"red\", dark", "blue"));
  EXPECT_THAT(labels_of("0,\"tench, Tinca tinca\"\n1,\"a \"\"b\"\"\"\n2,plain, no quotes\n"),
              ElementsAre("tench, Tinca tinca", "a \"b\"", "plain, no quotes"));
  EXPECT_THAT(labels_of("0;\"a;b\"\n1;c\n"), ElementsAre("a;b", "c"));
  EXPECT_THAT(labels_of("0 \"Weird Al\"\n1 c\n"), ElementsAre("\"Weird Al\"", "c"));
  EXPECT_EQ(malformation_of("0,cat\n1,\"dog\n"), "labels: line 2: expected a closing quote");
  EXPECT_EQ(malformation_of("0,\"cat\",mammal\n1,dog\n"),
            "labels: line 1: expected nothing after the quoted label");
}

TEST(LabelLinesTest, StripsWordNetIdsOfAllLines) {
  // synset_words.txt and LOC_synset_mapping.txt
  EXPECT_THAT(labels_of("n01440764 tench, Tinca tinca\nn01443537 goldfish, Carassius auratus\n"),
              ElementsAre("tench, Tinca tinca", "goldfish, Carassius auratus"));
  EXPECT_THAT(labels_of("n02012849 crane\nn03126707 crane\n"), ElementsAre("crane", "crane"));
  EXPECT_THAT(labels_of("n01440764\ttench\nn01443537\tgoldfish\n"),
              ElementsAre("tench", "goldfish"));
  EXPECT_THAT(labels_of("n01440764,\"tench, Tinca\"\nn01443537,goldfish\n"),
              ElementsAre("tench, Tinca", "goldfish"));
  EXPECT_EQ(form_of("n01440764 tench\n"), "one label per line, without WordNet ids");
}

TEST(LabelLinesTest, KeepsWordNetIdsThatAreTheLabels) {
  EXPECT_THAT(labels_of("n01440764\nn01443537\n"), ElementsAre("n01440764", "n01443537"));
  EXPECT_THAT(labels_of("n01440764 tench\nn01443537\n"),
              ElementsAre("n01440764 tench", "n01443537"));
  EXPECT_THAT(labels_of("n01440764 tench\ngoldfish\n"), ElementsAre("n01440764 tench", "goldfish"));
  EXPECT_THAT(labels_of("n0144076 tench\nn01443537x cod\n"),
              ElementsAre("n0144076 tench", "n01443537x cod"));
}

TEST(LabelLinesTest, AcceptsAnIndexAndWordNetIds) {
  EXPECT_THAT(labels_of("1 n01443537 goldfish\n0 n01440764 tench\n"),
              ElementsAre("tench", "goldfish"));
  EXPECT_THAT(labels_of("1,n01443537,goldfish\n0,n01440764,\"tench, Tinca\"\n"),
              ElementsAre("tench, Tinca", "goldfish"));
  EXPECT_THAT(labels_of("n01443537 1\nn01440764 0\n"), ElementsAre("n01440764", "n01443537"));
  // ILSVRC's map_clsloc.txt, where "crane" comes twice: its lines differ in their ids
  EXPECT_THAT(labels_of("n02012849 2 crane\nn02119789 1 kit_fox\nn03126707 3 crane\n"),
              ElementsAre("kit_fox", "crane", "crane"));
  EXPECT_EQ(form_of("0 n01440764 tench\n1 n01443537 cod\n"),
            "an index, then a label on each line, without WordNet ids");
}

TEST(LabelLinesTest, RefusesInvalidUtf8AndControlCharacters) {
  EXPECT_EQ(malformation_of("cat\nd\xffg\n"),
            "labels: line 2: expected UTF-8 text without control characters");
  EXPECT_THAT(malformation_of("cat\ndog\x1b[2J\n"), HasSubstr("line 2: "));
  EXPECT_THAT(malformation_of("cat\tfelis\ndog\tcanis\n"), HasSubstr("line 1: "));
  EXPECT_THAT(malformation_of("1 d\xffg\n0 cat\n"), HasSubstr("line 1: "));
}

TEST(LabelLinesTest, RefusesTooManyLines) {
  std::string text;
  for (std::size_t i = 0; i <= kMaxLabels; ++i) text += "a\n";
  EXPECT_EQ(malformation_of(text), "labels: expected at most 1000000 lines, got more");
}

TEST(LabelLinesTest, RefusesProtobufText) {
  EXPECT_EQ(malformation_of("item {\n  id: 1\n  name: 'cat'\n}\n\nitem {\n  id: 2\n}\n"),
            "labels: expected one label per line or JSON, got protobuf text (item { id: 1 ... })");
  EXPECT_THAT(malformation_of("# labels\n\nitem{ id: 1 name: \"cat\" }\n"), HasSubstr("protobuf"));
  EXPECT_THAT(malformation_of("item: { id: 1 }"), HasSubstr("protobuf text"));
}

TEST(LabelLinesTest, RefusesYaml) {
  EXPECT_THAT(malformation_of("names:\n  0: cat\n  1: dog\n"), HasSubstr("got YAML"));
  EXPECT_THAT(malformation_of("path: data\n\nnames:\n- cat\n- dog\n"), HasSubstr("got YAML"));
  EXPECT_THAT(malformation_of("- cat\n- dog\n"), HasSubstr("got YAML"));
  EXPECT_THAT(malformation_of("---\n0: cat\n"), HasSubstr("got YAML"));
  EXPECT_THAT(labels_of("- cat\ndog - canis\n"), ElementsAre("- cat", "dog - canis"));
}

// JSON.

TEST(LabelJsonTest, ReadsAList) {
  EXPECT_THAT(labels_of(R"(["cat", "dog", "eel"])"), is_cat_dog_eel());
  EXPECT_THAT(labels_of(" \r\n[\" x \", \"1984\", \"0\"]"), ElementsAre(" x ", "1984", "0"));
  EXPECT_THAT(labels_of(R"([["n01440764", "tench"], ["n01443537", "cod"]])"),
              ElementsAre("tench", "cod"));
  EXPECT_THAT(labels_of("[]"), IsEmpty());
  EXPECT_THAT(labels_of(R"(["abTFL3"])"), ElementsAre("abTFL3"));
  EXPECT_EQ(form_of(R"(["cat"])"), "JSON, a list");
}

TEST(LabelJsonTest, ReadsAnObjectOfIds) {
  EXPECT_THAT(labels_of(R"({"2": "eel", "0": "cat", "1": "dog"})"), is_cat_dog_eel());
  EXPECT_THAT(labels_of("\xEF\xBB\xBF{\"0\": \"7\", \"1\": \"8\"}"), ElementsAre("7", "8"));
  EXPECT_THAT(labels_of(R"({"00": "cat", "01": "dog", "2": "eel"})"), is_cat_dog_eel());
  EXPECT_EQ(form_of(R"({"0": "cat"})"), "JSON, {id: label}");
}

TEST(LabelJsonTest, ReadsImagenetsClassIndex) {
  const char* const text =
      R"({"1": ["n01443537", "goldfish"], "0": ["n01440764", "tench"], "2": ["n01484850", "shark"]})";
  EXPECT_THAT(labels_of(text), ElementsAre("tench", "goldfish", "shark"));
  EXPECT_EQ(form_of(text), "JSON, {id: [WordNet id, label]}");
  EXPECT_THAT(malformation_of(R"({"0": ["cat", "chat"]})"), HasSubstr(R"(got 0: ["cat","chat"])"));
  EXPECT_THAT(malformation_of(R"({"0": ["n01443537"]})"), HasSubstr("got 0: "));
}

TEST(LabelJsonTest, ReadsAnObjectOfLabels) {
  EXPECT_THAT(labels_of(R"({"eel": 2, "cat": 0, "dog": 1})"), is_cat_dog_eel());
  EXPECT_THAT(labels_of(R"({"eel": "2", "cat": "0", "dog": "1"})"), is_cat_dog_eel());
  EXPECT_THAT(labels_of(R"({"7": 1, "8": 0})"), ElementsAre("8", "7"));
  EXPECT_THAT(labels_of(R"({"00": 1, "01": 0})"), ElementsAre("01", "00"));
  EXPECT_EQ(form_of(R"({"cat": 0})"), "JSON, {label: id}");
}

TEST(LabelJsonTest, ReadsAConfigsId2Label) {
  EXPECT_THAT(labels_of(R"({"model_type": "vit", "id2label": {"1": "dog", "0": "cat", "2": "eel"},
                            "label2id": {"cat": 0, "dog": 1, "eel": 2}})"),
              is_cat_dog_eel());
  EXPECT_THAT(labels_of(R"({"id2label": {"0": "1", "1": "0"}})"), ElementsAre("1", "0"));
  EXPECT_EQ(form_of(R"({"id2label": {"0": "cat"}})"), "id2label of a config");
  EXPECT_THAT(labels_of(R"({"id2label": 0, "cat": 1})"), ElementsAre("id2label", "cat"));
  EXPECT_THAT(malformation_of(R"({"id2label": {"cat": 0}})"), HasSubstr("got cat: 0"));
  EXPECT_THAT(malformation_of(R"({"model_type": "vit", "id2label": null})"), HasSubstr("got "));
}

TEST(LabelJsonTest, RefusesIdsOnBothSides) {
  const char* const reason =
      "labels: expected one label per line or JSON, got an object with the ids 0 to n-1 as keys "
      "and as values; advice(write the labels as a list)";
  for (const char* text : {R"({"0": 1, "1": 0})", R"({"0": "1", "1": "0"})",
                           R"({"0": "0", "1": "1", "2": "2"})", R"({"0": 0})"}) {
    EXPECT_EQ(malformation_of(text), reason) << text;
  }
}

TEST(LabelJsonTest, RefusesOtherForms) {
  EXPECT_THAT(malformation_of(R"(["a", "b"] x)"), HasSubstr("labels: invalid JSON"));
  EXPECT_THAT(malformation_of(R"(["a", 1, "c"])"),
              HasSubstr("expected a label for each of the ids 0 to 2, got 1: 1"));
  EXPECT_THAT(malformation_of(R"({"0": "a", "x": "b"})"), HasSubstr("got x: \"b\""));
  EXPECT_THAT(malformation_of(R"({"0": "a", "2": "b"})"), HasSubstr("got 2: \"b\""));
  EXPECT_THAT(malformation_of(R"({"1": "a", "2": "b"})"), HasSubstr("got 2: \"b\""));
  EXPECT_THAT(malformation_of(R"({"00": "a", "0": "b"})"), HasSubstr("got 00: \"a\""));
  EXPECT_THAT(malformation_of(R"({"cat": 0, "dog": 2})"), HasSubstr("got dog: 2"));
  EXPECT_THAT(malformation_of(R"({"cat": 0, "dog": 0})"), HasSubstr("got dog: 0"));
  EXPECT_THAT(malformation_of(R"({"cat": 0, "dog": -1})"), HasSubstr("got dog: -1"));
  EXPECT_THAT(malformation_of(R"({"cat": 0, "dog": 1.0})"), HasSubstr("got dog: 1.0"));
  EXPECT_THAT(malformation_of(R"([{"id": 0, "name": "cat"}])"), HasSubstr("got 0: {"));
}

TEST(LabelJsonTest, RefusesRepeatedKeys) {
  EXPECT_EQ(malformation_of(R"({"0": "a", "1": "b", "0": "c"})"), "labels: duplicate key \"0\"");
  EXPECT_THAT(malformation_of(R"({"id2label": {"0": "a", "0": "b"}})"),
              HasSubstr("duplicate key \"0\""));
  EXPECT_THAT(labels_of(R"({"id2label": {"0": "a"}, "label2id": {"0": 0}})"), ElementsAre("a"));
}

TEST(LabelJsonTest, RefusesPythonLiterals) {
  const char* const reason = "got a Python literal; advice(write it with json.dump)";
  EXPECT_THAT(malformation_of("{0: 'tench, Tinca tinca',\n 1: 'goldfish'}"), HasSubstr(reason));
  EXPECT_THAT(malformation_of("['tench', 'goldfish']"), HasSubstr(reason));
  EXPECT_THAT(malformation_of("{'cat': 0}"), HasSubstr(reason));
  EXPECT_THAT(malformation_of("[1, 2"), HasSubstr("invalid JSON at byte"));
}

// Other files.

TEST(LabelFileTest, NamesOtherFormats) {
  const auto kind_of = [](std::string_view text) {
    const std::string reason = malformation_of(text);
    return reason.substr(reason.find("got ") + 4);
  };
  EXPECT_EQ(kind_of("\x80\x04\x95\x0c"), "a Python pickle");
  EXPECT_EQ(kind_of("PK\x03\x04rest"), "a zip archive");
  EXPECT_EQ(kind_of("\x1F\x8B\x08"), "a gzip archive");
  EXPECT_EQ(kind_of("\x93NUMPY\x01"), "a NumPy array");
  EXPECT_EQ(kind_of("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n"),
            "a git-lfs pointer");
  EXPECT_EQ(kind_of("\n<!DOCTYPE html>\n<html>\n"), "an HTML page");
  EXPECT_EQ(kind_of("\xFF\xFE"
                    "c\0a\0t\0"sv),
            "UTF-16 text; advice(save it as UTF-8)");
  EXPECT_EQ(kind_of("c\0a\0t\0"sv), "a NUL byte, as UTF-16 and binary files have");
}

}  // namespace
}  // namespace weightlift
