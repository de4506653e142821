#include "weightlift/checkpoint/shard_index.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/checkpoint/refusal_case.h"
#include "tests/support/refusal.h"
#include "weightlift/base/error.h"

namespace weightlift {
namespace {

using testing::case_name;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using testing::Refusal;
using ::testing::StartsWith;

constexpr const char* kWhere = "folder/model.safetensors.index.json";

ShardIndex parse(std::string_view text) { return parse_shard_index(text, kWhere); }

std::string refusal_of(std::string_view text, const std::string& where = kWhere) {
  return testing::refusal<FormatError>([&] { parse_shard_index(text, where); });
}

/// An index of that weight_map's inside.
std::string index_of(const std::string& map) {
  return R"({"metadata":{"total_size":12},"weight_map":{)" + map + "}}";
}

std::string index_of_file(const std::string& file) { return index_of("\"a\":\"" + file + "\""); }

// X01 of catalogue.md.
TEST(ShardIndexTest, KeepsTheOrderOfTheMap) {
  const ShardIndex index = parse(R"({
  "metadata": {"total_parameters": 3, "total_size": 12},
  "weight_map": {
    "z": "model-00002-of-00002.safetensors",
    "a": "model-00001-of-00002.safetensors",
    "\u00e9": "model-00002-of-00002.safetensors"
  }
}
)");
  EXPECT_THAT(index.files,
              ElementsAre("model-00002-of-00002.safetensors", "model-00001-of-00002.safetensors"));
  EXPECT_THAT(index.weight_map, ElementsAre(Pair("z", "model-00002-of-00002.safetensors"),
                                            Pair("a", "model-00001-of-00002.safetensors"),
                                            Pair("\xC3\xA9", "model-00002-of-00002.safetensors")));
  EXPECT_EQ(index.total_size, 12U);
  EXPECT_THAT(index.notes, IsEmpty());
}

// X05.
TEST(ShardIndexTest, NotesWhatItDoesNotNeed) {
  const std::string map = R"("weight_map":{"a":"x.safetensors"}})";
  EXPECT_THAT(parse(R"({"metadata":{},)" + map).notes, IsEmpty());
  EXPECT_EQ(parse(R"({"metadata":{},)" + map).total_size, std::nullopt);
  for (const std::string& start :
       std::vector<std::string>{"{", R"({"metadata":null,)", R"({"metadata":7,)",
                                R"({"metadata":[{"total_size":1}],)"}) {
    EXPECT_THAT(parse(start + map).notes,
                ElementsAre(HasSubstr(
                    "metadata: expected an object, got none: transformers refuses such an index")))
        << start;
    EXPECT_EQ(parse(start + map).total_size, std::nullopt);
  }
  for (const std::string& size :
       std::vector<std::string>{"12.0", "-1", "\"12\"", "null", "1e400"}) {
    const std::string text = R"({"metadata":{"total_size":)" + size + "}," + map;
    if (size == "1e400") {
      EXPECT_THAT(refusal_of(text), HasSubstr("expected JSON"));
      continue;
    }
    EXPECT_THAT(parse(text).notes,
                ElementsAre(HasSubstr("total_size: expected a number of bytes")));
    EXPECT_EQ(parse(text).total_size, std::nullopt);
  }
  // Deeper inside the metadata, and beside it, anything may stand.
  EXPECT_EQ(parse(R"({"x":[{"weight_map":1}],"metadata":{"y":{"total_size":1}},)" + map).total_size,
            std::nullopt);
}

TEST(ShardIndexTest, TakesTorchShards) {
  const std::string text = index_of(R"("a":"pytorch_model-00001-of-00001.bin")");
  EXPECT_EQ(parse_shard_index(text, "pytorch_model.bin.index.json").files.size(), 1U);
  EXPECT_THAT(refusal_of(text), HasSubstr("the plain name of a .safetensors file"));
  EXPECT_THAT(refusal_of(index_of_file("x.safetensors"), "pytorch_model.bin.index.json"),
              HasSubstr("the plain name of a .bin file"));
  EXPECT_EQ(
      parse_shard_index(index_of_file("m.fp16.safetensors"), "model.safetensors.index.fp16.json")
          .files.size(),
      1U);
  // Of another name: all shards alike.
  EXPECT_EQ(parse_shard_index(text, "a.bin.index.d/index.json").files.size(), 1U);
  EXPECT_THAT(refusal_of(index_of(R"("a":"x.bin","b":"x.safetensors")"), "index.json"),
              HasSubstr("weight_map: 'b': expected the plain name of a .bin file"));
}

class ShardIndexRefusalTest : public ::testing::TestWithParam<Refusal> {};

TEST_P(ShardIndexRefusalTest, SaysWhy) {
  const std::string message = refusal_of(GetParam().bytes);
  EXPECT_THAT(message, StartsWith("folder/model.safetensors.index.json: "));
  EXPECT_THAT(message, HasSubstr(GetParam().reason));
  EXPECT_LT(message.size(), 400U);
  EXPECT_EQ(message.find('\n'), std::string::npos);
}

Refusal file_case(std::string name, const std::string& file) {
  return {std::move(name), index_of_file(file),
          "weight_map: 'a': expected the plain name of a .safetensors file beside the index"};
}

INSTANTIATE_TEST_SUITE_P(
    X02, ShardIndexRefusalTest,
    ::testing::ValuesIn(std::vector<Refusal>{
        {"MapEmpty", index_of(""), "weight_map: expected tensors and their files, got none"},
        {"MapMissing", "{}", "weight_map: expected tensors and their files, got none"},
        {"MapNull", R"({"weight_map":null})",
         "weight_map: expected an object of files by tensor, got null"},
        {"MapArray", R"({"weight_map":["a"]})",
         "weight_map: expected an object of files by tensor"},
        {"MapText", R"({"weight_map":"a"})", "files by tensor, got 'a'"},
        {"ValueInt", index_of(R"("a":7)"), "'a': expected the name of a file, got 7"},
        {"ValueNull", index_of(R"("a":null)"), "'a': expected the name of a file, got null"},
        {"ValueList", index_of(R"("a":["x.safetensors"])"), "expected the name of a file, got an"},
        {"ValueObject", index_of(R"("a":{})"), "expected the name of a file, got an object"},
        {"TopArray", "[]", "expected an object, got an array"},
        {"TopText", "\"x\"", "expected an object, got 'x'"},
        {"NoJson", "<html>", "expected JSON, got an error at its byte 1"},
        {"Empty", "", "expected JSON"},
        {"Cut", index_of_file("x.safetensors").substr(0, 40), "expected JSON"},
        {"Behind", index_of_file("x.safetensors") + "{}", "expected JSON"},
        {"ByteOrderMark", "\xEF\xBB\xBF" + index_of_file("x.safetensors"), "a byte order mark"},
        {"Nul", index_of_file("x.safetensors") + std::string(1, '\0'), "or a NUL in it"},
        {"Deep", R"({"x":)" + std::string(100'000, '[') + std::string(100'000, ']') + "}",
         "JSON: expected at most 64 levels, got more"}}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    X03, ShardIndexRefusalTest,
    ::testing::ValuesIn(std::vector<Refusal>{
        file_case("Up", "../x.safetensors"), file_case("Absolute", "/abs/x.safetensors"),
        file_case("Folder", "a/b.safetensors"), file_case("Dot", "./x.safetensors"),
        file_case("Hidden", ".x.safetensors"), file_case("OtherExtension", "x.bin"),
        file_case("Drive", "C:x.safetensors"), file_case("Share", R"(\\\\srv\\x.safetensors)"),
        file_case("Nul", R"(x\u0000.safetensors)"), file_case("EmptyName", ""),
        file_case("OnlyExtension", ".safetensors"),
        file_case("Long", std::string(300, 'x') + ".safetensors"),
        file_case("Index", "model.safetensors.index.json")}),
    case_name);

/// "t0": FILE, "t1": FILE...
std::string many(int count, bool one_file) {
  std::string map;
  for (int i = 0; i < count; ++i) {
    map += fmt::format("{}\"t{}\":\"{}.safetensors\"", i == 0 ? "" : ",", i, one_file ? 0 : i);
  }
  return index_of(map);
}

INSTANTIATE_TEST_SUITE_P(
    X06X07, ShardIndexRefusalTest,
    ::testing::ValuesIn(std::vector<Refusal>{
        {"TensorTwice", index_of(R"("a":"x.safetensors","\u0061":"x.safetensors")"),
         "weight_map: tensor 'a': expected each name once, got it twice"},
        {"MapTwice", R"({"weight_map":{"a":"x.safetensors"},"weight_map":{"b":"x.safetensors"}})",
         "weight_map: expected it once, got it twice"},
        {"MetadataTwice", R"({"metadata":{},"metadata":{}})",
         "metadata: expected it once, got it twice"},
        {"NoName", index_of(R"("":"x.safetensors")"),
         "tensor '': expected a name that is not empty"},
        {"Bytes", std::string((std::size_t{10} << 20U) + 1, ' '),
         "expected at most 10485760 bytes, got 10485761"},
        {"Files", many(10'001, false), "weight_map: expected at most 10000 files, got more"},
        {"Tensors", many(100'001, true), "weight_map: expected at most 100000 tensors, got more"}}),
    case_name);

StateDict dict_of(const std::vector<std::string>& names) {
  StateDict dict;
  for (const std::string& name : names) dict.insert(name, Tensor::of<float>({1}, {1}));
  return dict;
}

std::vector<std::string> names_of(const StateDict& dict) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : dict) names.push_back(name);
  return names;
}

const std::string kTwoShards =
    R"("b":"2.safetensors","a":"1.safetensors","c":"2.safetensors")";  // 12 bytes, as index_of says

TEST(JoinShardsTest, FollowsTheMap) {
  std::vector<std::string> notes;
  const StateDict joined =
      join_shards(parse(index_of(kTwoShards)), {dict_of({"c", "b"}), dict_of({"a"})}, "x", notes);
  EXPECT_THAT(names_of(joined), ElementsAre("b", "a", "c"));
  EXPECT_THAT(notes, IsEmpty());
}

// X04 and X05.
TEST(JoinShardsTest, HoldsTheShardsAgainstTheMap) {
  const ShardIndex index = parse(index_of(kTwoShards));
  std::vector<std::string> notes;
  const auto refused = [&](const std::vector<StateDict>& shards) {
    return testing::refusal<FormatError>([&] { join_shards(index, shards, "x", notes); });
  };
  EXPECT_THAT(refused({dict_of({"b"}), dict_of({"a"})}),
              HasSubstr("x: tensor 'c': expected it in 2.safetensors, got it in none"));
  EXPECT_THAT(refused({dict_of({"b"}), dict_of({"a", "c"})}),
              HasSubstr("tensor 'c': expected it in 2.safetensors, got it in 1.safetensors"));
  EXPECT_THAT(
      refused({dict_of({"b", "c"}), dict_of({"a", "c"})}),
      HasSubstr("'c': expected it in one shard, got it in 2.safetensors and 1.safetensors"));
  EXPECT_THAT(notes, IsEmpty());
  const StateDict joined =
      join_shards(index, {dict_of({"b", "c", "more"}), dict_of({"a"})}, "x", notes);
  EXPECT_THAT(names_of(joined), ElementsAre("b", "a", "c", "more"));
  EXPECT_THAT(notes, ElementsAre("x: tensor 'more' of 2.safetensors is not in weight_map",
                                 "x: total_size: expected 16, the tensors' bytes, got 12"));
}

}  // namespace
}  // namespace weightlift
