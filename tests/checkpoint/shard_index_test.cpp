#include "weightlift/checkpoint/shard_index.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/checkpoint/refusal_case.h"
#include "tests/support/notes.h"
#include "tests/support/refusal.h"
#include "weightlift/base/message.h"

namespace weightlift {
namespace {

using testing::case_name;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using testing::Refusal;
using ::testing::StartsWith;
using testing::told;

constexpr const char* kWhere = "folder/model.safetensors.index.json";

ShardIndex parse(std::string_view text) { return parse_shard_index(text, kWhere); }

std::string refusal_of(std::string_view text, const std::string& where = kWhere) {
  return testing::refusal<FormatError>([&] { parse_shard_index(text, where); });
}

/// An index with these entries in its weight_map.
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
  EXPECT_THAT(told(index.notes), IsEmpty());
}

// X05.
TEST(ShardIndexTest, NotesBadMetadata) {
  const std::string map = R"("weight_map":{"a":"x.safetensors"}})";
  EXPECT_THAT(parse(R"({"metadata":{},)" + map).notes, IsEmpty());
  EXPECT_EQ(parse(R"({"metadata":{},)" + map).total_size, std::nullopt);
  for (const std::string& start :
       std::vector<std::string>{"{", R"({"metadata":null,)", R"({"metadata":7,)",
                                R"({"metadata":[{"total_size":1}],)"}) {
    EXPECT_THAT(told(parse(start + map).notes),
                ElementsAre("folder/model.safetensors.index.json: index-metadata-missing"))
        << start;
    EXPECT_EQ(parse(start + map).total_size, std::nullopt);
  }
  for (const std::string& size :
       std::vector<std::string>{"12.0", "-1", "\"12\"", "null", "1e400"}) {
    const std::string text = R"({"metadata":{"total_size":)" + size + "}," + map;
    if (size == "1e400") {
      EXPECT_THAT(refusal_of(text), HasSubstr("invalid JSON"));
      continue;
    }
    EXPECT_THAT(told(parse(text).notes), ElementsAre(HasSubstr("index-total-size-invalid got=")));
    EXPECT_EQ(parse(text).total_size, std::nullopt);
  }
  // Deeper values of the metadata, and other sections, can be anything.
  EXPECT_EQ(parse(R"({"x":[{"weight_map":1}],"metadata":{"y":{"total_size":1}},)" + map).total_size,
            std::nullopt);
}

TEST(ShardIndexTest, AcceptsTorchShards) {
  const std::string text = index_of(R"("a":"pytorch_model-00001-of-00001.bin")");
  EXPECT_EQ(parse_shard_index(text, "pytorch_model.bin.index.json").files.size(), 1U);
  EXPECT_THAT(refusal_of(text),
              HasSubstr("expected a .safetensors file in the folder of the index"));
  EXPECT_THAT(refusal_of(index_of_file("x.safetensors"), "pytorch_model.bin.index.json"),
              HasSubstr("expected a .bin file in the folder of the index"));
  EXPECT_EQ(
      parse_shard_index(index_of_file("m.fp16.safetensors"), "model.safetensors.index.fp16.json")
          .files.size(),
      1U);
  // With another name of the index: the first shard decides on the extension.
  EXPECT_EQ(parse_shard_index(text, "a.bin.index.d/index.json").files.size(), 1U);
  EXPECT_THAT(refusal_of(index_of(R"("a":"x.bin","b":"x.safetensors")"), "index.json"),
              HasSubstr("weight_map: 'b': expected a .bin file in the folder"));
}

class ShardIndexRefusalTest : public ::testing::TestWithParam<Refusal> {};

TEST_P(ShardIndexRefusalTest, StatesTheFault) {
  const std::string message = refusal_of(GetParam().bytes);
  EXPECT_THAT(message, StartsWith("folder/model.safetensors.index.json: "));
  EXPECT_THAT(message, HasSubstr(GetParam().reason));
  EXPECT_LT(message.size(), 400U);
  EXPECT_EQ(message.find('\n'), std::string::npos);
}

Refusal file_case(std::string name, const std::string& file) {
  return {std::move(name), index_of_file(file),
          "weight_map: 'a': expected a .safetensors file in the folder of the index"};
}

INSTANTIATE_TEST_SUITE_P(
    X02, ShardIndexRefusalTest,
    ::testing::ValuesIn(std::vector<Refusal>{
        {"MapEmpty", index_of(""), "'weight_map' is empty"},
        {"MapMissing", "{}", "'weight_map' is missing"},
        {"MapNull", R"({"weight_map":null})", "weight_map: expected an object, got null"},
        {"MapArray", R"({"weight_map":["a"]})", "weight_map: expected an object, got an array"},
        {"MapText", R"({"weight_map":"a"})", "weight_map: expected an object, got 'a'"},
        {"ValueInt", index_of(R"("a":7)"), "'a': expected a file name, got 7"},
        {"ValueNull", index_of(R"("a":null)"), "'a': expected a file name, got null"},
        {"ValueList", index_of(R"("a":["x.safetensors"])"), "expected a file name, got an"},
        {"ValueObject", index_of(R"("a":{})"), "expected a file name, got an object"},
        {"TopArray", "[]", "expected an object, got an array"},
        {"TopText", "\"x\"", "expected an object, got 'x'"},
        {"NoJson", "<html>", "invalid JSON at byte 1"},
        {"Empty", "", "invalid JSON at byte"},
        {"Cut", index_of_file("x.safetensors").substr(0, 40), "invalid JSON at byte"},
        {"Behind", index_of_file("x.safetensors") + "{}", "invalid JSON at byte"},
        {"ByteOrderMark", "\xEF\xBB\xBF" + index_of_file("x.safetensors"), "a byte order mark"},
        {"Nul", index_of_file("x.safetensors") + std::string(1, '\0'), "or a NUL byte"},
        {"Deep", R"({"x":)" + std::string(100'000, '[') + std::string(100'000, ']') + "}",
         "JSON is nested deeper than 64 levels"}}),
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
         "weight_map: duplicate tensor 'a'"},
        {"MapTwice", R"({"weight_map":{"a":"x.safetensors"},"weight_map":{"b":"x.safetensors"}})",
         "duplicate key 'weight_map'"},
        {"MetadataTwice", R"({"metadata":{},"metadata":{}})", "duplicate key 'metadata'"},
        {"NoName", index_of(R"("":"x.safetensors")"),
         "tensor '': expected a name that is not empty"},
        {"Bytes", std::string((std::size_t{10} << 20U) + 1, ' '),
         "expected at most 10485760 bytes, got 10485761"},
        {"Files", many(10'001, false), "weight_map: more than 10000 files"},
        {"Tensors", many(100'001, true), "weight_map: more than 100000 tensors"}}),
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
    R"("b":"2.safetensors","a":"1.safetensors","c":"2.safetensors")";  // 12 bytes, as in index_of

TEST(JoinShardsTest, FollowsTheMap) {
  Notes notes;
  const StateDict joined =
      join_shards(parse(index_of(kTwoShards)), {dict_of({"c", "b"}), dict_of({"a"})}, "x", notes);
  EXPECT_THAT(names_of(joined), ElementsAre("b", "a", "c"));
  EXPECT_THAT(told(notes), IsEmpty());
}

// X04 and X05.
TEST(JoinShardsTest, ComparesTheShardsWithTheMap) {
  const ShardIndex index = parse(index_of(kTwoShards));
  Notes notes;
  const auto refused = [&](const std::vector<StateDict>& shards) {
    return testing::refusal<MismatchError>([&] { join_shards(index, shards, "x", notes); });
  };
  EXPECT_THAT(refused({dict_of({"b"}), dict_of({"a"})}),
              HasSubstr("x: tensor 'c': not found in 2.safetensors"));
  EXPECT_THAT(
      refused({dict_of({"b"}), dict_of({"a", "c"})}),
      HasSubstr("tensor 'c': the index names 2.safetensors, but 1.safetensors contains it"));
  EXPECT_THAT(refused({dict_of({"b", "c"}), dict_of({"a", "c"})}),
              HasSubstr("'c': two shards contain it, 2.safetensors and 1.safetensors"));
  EXPECT_THAT(told(notes), IsEmpty());
  const StateDict joined =
      join_shards(index, {dict_of({"b", "c", "more"}), dict_of({"a"})}, "x", notes);
  EXPECT_THAT(names_of(joined), ElementsAre("b", "a", "c", "more"));
  EXPECT_THAT(told(notes),
              ElementsAre("x: index-unlisted-tensor tensor='more' file='2.safetensors'",
                          "x: index-total-size-wrong expected='16' got='12'"));
}

TEST(ShardIndexTest, RefusesAnotherNumberOfShards) {
  const ShardIndex index = parse(index_of_file("x.safetensors"));
  Notes notes;
  EXPECT_EQ(testing::refusal<UsageError>([&] { join_shards(index, {}, kWhere, notes); }),
            "shards: expected 1, got 0");
  const std::vector<StateDict> two(2);
  EXPECT_EQ(testing::refusal<UsageError>([&] { join_shards(index, two, kWhere, notes); }),
            "shards: expected 1, got 2");
}

}  // namespace
}  // namespace weightlift
