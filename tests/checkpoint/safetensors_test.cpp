#include "weightlift/checkpoint/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <limits>

#include "tests/checkpoint/parse.h"
#include "tests/support/notes.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/temp_dir.h"
#include "weightlift/base/message.h"

namespace weightlift {
namespace {

using ::testing::ElementsAre;
using testing::good_header;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::one_tensor;
using ::testing::Pair;
using testing::parse;
using testing::raw_entry;
using testing::raw_safetensors;
using testing::refusal;
using testing::safetensors_with;
using testing::told;

std::vector<std::string> names_of(const SafetensorsFile& file) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : file.tensors) names.push_back(name);
  return names;
}

/// The bytes that `count` values of type T have.
template <class T>
std::string bytes_of(std::initializer_list<T> values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), std::data(values), bytes.size());
  return bytes;
}

template <class T>
std::vector<T> elements(const Tensor& tensor) {
  const Tensor aligned = tensor.aligned();
  const auto data = aligned.data<T>();
  return {data.begin(), data.end()};
}

TEST(SafetensorsTest, ReadsACompleteFile) {
  const std::string header =
      R"({"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  const SafetensorsFile file =
      parse(raw_safetensors(header.size(), header, bytes_of({1.0F, -2.0F})));
  EXPECT_THAT(file.metadata, ElementsAre(Pair("format", "pt")));
  EXPECT_THAT(told(file.notes), IsEmpty());
  EXPECT_EQ(file.tensors.at("w").shape(), Shape{2});
  EXPECT_THAT(elements<float>(file.tensors.at("w")), ElementsAre(1.0F, -2.0F));
}

TEST(SafetensorsTest, ViewsTheBytesWithoutCopies) {
  const auto owner = std::make_shared<const std::string>(safetensors_with(good_header(), 8));
  const auto bytes = std::as_bytes(std::span(*owner));
  const SafetensorsFile file = parse_safetensors(bytes, owner, "memory");
  const Tensor& tensor = file.tensors.at("t");
  EXPECT_EQ(tensor.bytes().data(), bytes.last(8).data());
  EXPECT_EQ(tensor.owner(), owner);
}

TEST(SafetensorsTest, AcceptsWhiteSpaceAfterTheObject) {
  EXPECT_EQ(parse(safetensors_with(good_header() + "    ", 8)).tensors.size(), 1U);
  EXPECT_EQ(parse(safetensors_with(good_header() + "\r \t\n", 8)).tensors.size(), 1U);
}

TEST(SafetensorsTest, AcceptsWhiteSpaceBeforeTheObjectAndNotesIt) {
  for (const char* space : {" ", "\t\n"}) {
    const SafetensorsFile file = parse(safetensors_with(space + good_header(), 8));
    EXPECT_EQ(file.tensors.size(), 1U);
    EXPECT_THAT(told(file.notes), ElementsAre("memory: header-whitespace"));
  }
}

TEST(SafetensorsTest, AcceptsAHeaderOfTheLargestLength) {
  std::string header = good_header();
  header.resize(kMaxSafetensorsHeaderBytes, ' ');
  EXPECT_EQ(parse(safetensors_with(header, 8)).tensors.size(), 1U);
}

TEST(SafetensorsTest, AcceptsAHeaderOfAnyLengthModuloEight) {
  for (std::size_t padding = 0; padding < 8; ++padding) {
    EXPECT_EQ(parse(safetensors_with(good_header() + std::string(padding, ' '), 8)).tensors.size(),
              1U);
  }
}

TEST(SafetensorsTest, AcceptsAFileWithoutTensorsAndNotesIt) {
  const SafetensorsFile file = parse(safetensors_with("{}", 0));
  EXPECT_TRUE(file.tensors.empty());
  EXPECT_THAT(told(file.notes), ElementsAre("memory: no-tensors"));
}

TEST(SafetensorsTest, AcceptsMetadataThatIsNullOrEmptyOrLastOrEscaped) {
  const std::string tensor = "\"t\":" + raw_entry("\"F32\"", "[2]", "[0,8]");
  EXPECT_THAT(parse(safetensors_with("{\"__metadata__\":null," + tensor + "}", 8)).notes,
              IsEmpty());
  EXPECT_THAT(parse(safetensors_with("{\"__metadata__\":{}," + tensor + "}", 8)).metadata,
              IsEmpty());
  EXPECT_THAT(
      parse(safetensors_with("{" + tensor + R"(,"__metadata__":{"format":"pt"}})", 8)).metadata,
      ElementsAre(Pair("format", "pt")));
  EXPECT_THAT(
      parse(safetensors_with(
                "{" + tensor + R"(,"\u005f_metadata__":{"b":"2","a":"1","format":"pt"}})", 8))
          .metadata,
      ElementsAre(Pair("b", "2"), Pair("a", "1"), Pair("format", "pt")));
}

TEST(SafetensorsTest, NotesMetadataThatOtherReadersRefuse) {
  const std::string tensor = ",\"t\":" + raw_entry("\"F32\"", "[2]", "[0,8]") + "}";
  const auto notes = [&](const std::string& metadata) {
    return told(parse(safetensors_with("{\"__metadata__\":" + metadata + tensor, 8)).notes);
  };
  EXPECT_THAT(notes(R"({"format":"tf"})"),
              ElementsAre("memory: metadata-format-unknown format='tf'"));
  EXPECT_THAT(notes(R"({})"), ElementsAre("memory: metadata-format-missing"));
  EXPECT_THAT(notes(R"({"format":"mlx"})"), IsEmpty());
}

TEST(SafetensorsTest, IgnoresUnknownFieldsOfAnyPermittedDepth) {
  const auto with_field = [](const std::string& value) {
    return one_tensor(R"({"x":)" + value + R"(,"dtype":"F32","x":)" + value +
                      R"(,"shape":[2],"data_offsets":[0,8]})");
  };
  const std::string deep = std::string(125, '[') + std::string(125, ']');
  for (const std::string& value :
       {std::string("1"), std::string("-0"), std::string("1.5"), std::string("null"),
        std::string("true"), std::string("\"dtype\""), std::string(R"({"dtype":{"a":[1,{}]}})"),
        std::string("[]"), std::string("{}"), deep}) {
    EXPECT_EQ(parse(safetensors_with(with_field(value), 8)).tensors.at("t").shape(), Shape{2})
        << value;
  }
}

TEST(SafetensorsTest, ListsTensorsByOffsetWhateverTheHeadersOrder) {
  const std::string header = "{\"c\":" + raw_entry("\"U8\"", "[1]", "[7,8]") +
                             ",\"a\":" + raw_entry("\"U8\"", "[4]", "[3,7]") +
                             ",\"b\":" + raw_entry("\"U8\"", "[3]", "[0,3]") + "}";
  EXPECT_THAT(names_of(parse(safetensors_with(header, 8))), ElementsAre("b", "a", "c"));
}

TEST(SafetensorsTest, ReadsElementsAtOddOffsets) {
  const std::string header = "{\"byte\":" + raw_entry("\"U8\"", "[1]", "[0,1]") +
                             ",\"wide\":" + raw_entry("\"F64\"", "[1]", "[1,9]") +
                             ",\"last\":" + raw_entry("\"F32\"", "[2]", "[9,17]") + "}";
  const SafetensorsFile file = parse(
      raw_safetensors(header.size(), header, "\x05" + bytes_of({0.1}) + bytes_of({1.5F, -2.5F})));
  EXPECT_THAT(elements<double>(file.tensors.at("wide")), ElementsAre(0.1));
  EXPECT_THAT(elements<float>(file.tensors.at("last")), ElementsAre(1.5F, -2.5F));
}

TEST(SafetensorsTest, KeepsScalarsAndEmptyTensors) {
  const std::string header = "{\"first\":" + raw_entry("\"F32\"", "[0]", "[0,0]") +
                             ",\"scalar\":" + raw_entry("\"I64\"", "[]", "[0,8]") +
                             ",\"between\":" + raw_entry("\"F32\"", "[2,0]", "[8,8]") +
                             ",\"byte\":" + raw_entry("\"U8\"", "[1,1]", "[8,9]") +
                             ",\"last\":" + raw_entry("\"F64\"", "[0,0]", "[9,9]") + "}";
  const SafetensorsFile file = parse(safetensors_with(header, 9));
  EXPECT_THAT(names_of(file), ElementsAre("first", "scalar", "between", "byte", "last"));
  EXPECT_EQ(file.tensors.at("scalar").shape(), Shape{});
  EXPECT_EQ(file.tensors.at("scalar").numel(), 1);
  EXPECT_EQ(file.tensors.at("between").shape(), (Shape{2, 0}));
  EXPECT_EQ(file.tensors.at("between").numel(), 0);
}

TEST(SafetensorsTest, AcceptsAsManyDimensionsAsNumPy) {
  std::string shape = "[2";
  for (int i = 0; i < 63; ++i) shape += ",1";
  const std::string header = one_tensor(raw_entry("\"F32\"", shape + "]", "[0,8]"));
  EXPECT_EQ(parse(safetensors_with(header, 8)).tensors.at("t").shape().size(), 64U);
}

TEST(SafetensorsTest, ReadsNamesAsPlainText) {
  const auto name_of = [](const std::string& json) {
    const std::string header = "{" + json + ":" + raw_entry("\"F32\"", "[2]", "[0,8]") + "}";
    return names_of(parse(safetensors_with(header, 8))).at(0);
  };
  EXPECT_EQ(name_of(R"("a\u002eb")"), "a.b");
  EXPECT_EQ(name_of(R"("\ud83d\ude00")"), "\xF0\x9F\x98\x80");
  EXPECT_EQ(name_of(R"("a\/b")"), "a/b");
  EXPECT_EQ(name_of("\"\x7F\""), "\x7F");
  EXPECT_EQ(name_of(R"("../../etc/x")"), "../../etc/x");
  EXPECT_EQ(name_of(R"("C:\\x")"), "C:\\x");
  EXPECT_EQ(name_of("\"" + std::string(100'000, 'n') + "\"").size(), 100'000U);
}

TEST(SafetensorsTest, KeepsBytesOfBooleans) {
  const std::string header = one_tensor(raw_entry("\"BOOL\"", "[4]", "[0,4]"));
  const std::string data("\x00\x01\x02\xFF", 4);
  const SafetensorsFile file = parse(raw_safetensors(header.size(), header, data));
  const auto bytes = file.tensors.at("t").bytes();
  EXPECT_EQ(std::memcmp(bytes.data(), data.data(), data.size()), 0);
}

TEST(SafetensorsTest, ReadsWhatMlxWrites) {
  // Metadata null, no padding, keys sorted, data in another order.
  const std::string header =
      "{\"__metadata__\":null,\"a\":" + raw_entry("\"F32\"", "[1]", "[4,8]") +
      ",\"b\":" + raw_entry("\"F32\"", "[1]", "[0,4]") + "}";
  const SafetensorsFile file =
      parse(raw_safetensors(header.size(), header, bytes_of({2.0F, 1.0F})));
  EXPECT_THAT(elements<float>(file.tensors.at("a")), ElementsAre(1.0F));
  EXPECT_THAT(elements<float>(file.tensors.at("b")), ElementsAre(2.0F));
}

TEST(SafetensorsFileTest, TensorsKeepTheFileMapped) {
  const testing::TempDir dir;
  const std::string header = good_header() + std::string(2, ' ');
  testing::write_file(dir / "m.safetensors",
                      raw_safetensors(header.size(), header, bytes_of({3.0F, 4.0F})));
  StateDict tensors = load_safetensors(MappedFile::open(dir / "m.safetensors")).tensors;
  std::filesystem::remove(dir / "m.safetensors");
  EXPECT_THAT(tensors.at("t").data<float>(), ElementsAre(3.0F, 4.0F));
}

TEST(SafetensorsFileTest, MessagesBeginWithThePath) {
  const testing::TempDir dir;
  testing::write_file(dir / "m.safetensors", safetensors_with(good_header(), 7));
  EXPECT_EQ(
      refusal<FormatError>([&] { load_safetensors(MappedFile::open(dir / "m.safetensors")); }),
      (dir / "m.safetensors").string() +
          ": truncated: expected 8 bytes of tensor data, got 7; advice(download the file "
          "again)");
}

TEST(SafetensorsFileTest, ReportsAShrunkFileNotInvalidJson) {
  const testing::TempDir dir;
  std::string header = good_header();
  header.resize(100'000, ' ');
  testing::write_file(dir / "m.safetensors", safetensors_with(header, 8));
  guard_mapped_files();
  const auto file = MappedFile::open(dir / "m.safetensors");
  std::filesystem::resize_file(dir / "m.safetensors", 20);
  EXPECT_THAT(
      refusal<FormatError>([&] { load_safetensors(file); }),
      HasSubstr("the file changed while weightlift read it: expected 100016 bytes, got 20"));
}

}  // namespace
}  // namespace weightlift
