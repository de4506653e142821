#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/checkpoint/golden.h"
#include "tests/checkpoint/refusal_case.h"
#include "tests/checkpoint/torch_builder.h"
#include "tests/support/notes.h"
#include "tests/support/refusal.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint/sniff.h"
#include "weightlift/checkpoint/torch.h"

namespace weightlift {
namespace {

using testing::case_name;
using testing::counting_floats;
using ::testing::ElementsAre;
using testing::global;
using ::testing::HasSubstr;
using testing::integers;
using ::testing::IsEmpty;
using testing::le;
using testing::ordered_dict;
using testing::pickle_of;
using testing::Refusal;
using ::testing::StartsWith;
using testing::storage;
using testing::tensor;
using testing::text;
using testing::told;
using testing::torch_legacy;
using testing::tuple;
using namespace std::string_literals;

TorchFile open(std::string bytes) {
  const auto owner = std::make_shared<const std::string>(std::move(bytes));
  return parse_torch_legacy(std::as_bytes(std::span(*owner)), owner, "memory");
}

TorchStateDict load(const std::string& bytes) {
  const TorchFile file = open(bytes);
  return load_state_dict(file, file.pickle.root);
}

std::string refusal_of(const std::string& bytes) {
  return testing::refusal<Error>([&] { load(bytes); });
}

std::vector<float> floats(const std::string& bytes) {
  const TorchStateDict loaded = load(bytes);
  const Tensor aligned = loaded.tensors.at("w").aligned();
  const auto data = aligned.data<float>();
  return {data.begin(), data.end()};
}

/// float32 0, 1... after their count.
std::string counted(std::size_t elements) {
  return le(std::uint64_t{elements}) + counting_floats(elements);
}

/// {w: two elements of a storage}.
std::string value_of(const std::string& from) {
  return ordered_dict(text("w") + tensor(from, "K\0"s, integers({2}), integers({1})));
}

const std::string kFrom = storage("FloatStorage", "7", "K\4"s, "N");
const std::string kKeys = "]" + text("7") + "a";

std::string with_value(const std::string& value) { return torch_legacy(value, kKeys, counted(4)); }

TEST(TorchLegacyTest, ReadsTheGoldenFile) {
  const TorchFile file = open(testing::golden_legacy());
  EXPECT_THAT(told(file.notes), IsEmpty());
  EXPECT_THAT(floats(testing::golden_legacy()), ElementsAre(1.0F, -2.0F));
  EXPECT_EQ(load_state_dict(file, file.pickle.root).tensors.at("w").owner(), file.owner);
  require_checksums(file);
}

TEST(TorchLegacyTest, ReadsStoragesInTheListsOrder) {
  const std::string value = ordered_dict(
      text("v") + tensor(storage("LongStorage", "9", "K\1"s, "N"), "K\0"s, ")", ")") + text("w") +
      tensor(storage("FloatStorage", "10", "K\2"s, "N"), "K\0"s, integers({2}), integers({1})));
  const std::string count = le(std::uint64_t{1}) + le(std::uint64_t{5});
  for (const bool first : {false, true}) {
    const std::string keys =
        first ? "](" + text("9") + text("10") + "e" : "](" + text("10") + text("9") + "e";
    EXPECT_THAT(floats(torch_legacy(value, keys, first ? count + counted(2) : counted(2) + count)),
                ElementsAre(0, 1));
  }
}

TEST(TorchLegacyTest, IgnoresTheSameFieldsAsTorch) {
  const std::string magic = testing::golden_legacy().substr(0, 15);
  const std::string rest = pickle_of(value_of(kFrom)) + pickle_of(kKeys) + counted(4);
  for (const std::string& version : {"M\xE9\x03"s, "J\xE9\x03\0\0"s, "\x8A\x02\xE9\x03"s}) {
    for (const std::string& system : {"}"s, "N"s}) {
      EXPECT_THAT(floats(magic + pickle_of(version) + pickle_of(system) + rest), ElementsAre(0, 1));
    }
  }
  const std::string big = "}" + text("little_endian") + "\x89s";
  EXPECT_THAT(told(open(magic + pickle_of("M\xE9\x03") + pickle_of(big) + rest).notes),
              ElementsAre("memory: big-endian-mark"));
  EXPECT_THAT(told(open(with_value(value_of(kFrom)) + "more").notes),
              ElementsAre("memory: bytes-after-storages bytes='4'"));
  EXPECT_THAT(
      floats(torch_legacy(ordered_dict(text("w") + tensor(storage("FloatStorage", "7", "K\0"s, "N"),
                                                          "K\0"s, integers({0}), integers({1}))),
                          kKeys, le(std::uint64_t{0}))),
      IsEmpty());
}

TEST(TorchLegacyTest, ReadsTheMagicNumberInAnyProtocol) {
  const std::string number = testing::golden_legacy().substr(2, 13);
  const std::string rest = testing::golden_legacy().substr(15);
  const std::string frame = "\x95\x0D"s + std::string(7, '\0');
  for (const std::string& magic :
       {"\x80\3" + number, "\x80\4" + frame + number, "\x80\5" + frame + number}) {
    const std::string file = magic + rest;
    EXPECT_EQ(detect_format(std::as_bytes(std::span(file)), "memory"),
              CheckpointFormat::kTorchLegacy);
    EXPECT_THAT(floats(file), ElementsAre(1.0F, -2.0F));
  }
  EXPECT_EQ(legacy_magic_bytes("\x80\6" + number), 0U);
  EXPECT_EQ(legacy_magic_bytes("\x80\4" + frame), 0U);
}

TEST(TorchLegacyTest, ReadsPartsOfAStorage) {
  const auto part = [](const std::string& offset, const std::string& numel) {
    return with_value(
        value_of(storage("FloatStorage", "7", "K\4"s, tuple(text("8") + offset + numel))));
  };
  EXPECT_THAT(floats(part("K\1"s, "K\2"s)), ElementsAre(1, 2));
  EXPECT_THAT(refusal_of(part("K\3"s, "K\2"s)),
              HasSubstr("view: exceeds the 4 elements of storage '7'"));
  EXPECT_THAT(refusal_of(part("K\3"s, "K\x09"s)),
              HasSubstr("view: exceeds the 4 elements of storage '7'"));
  EXPECT_THAT(refusal_of(part("K\1"s, "K\1"s)),
              HasSubstr("its storage has 1 elements, but its last element is at 1"));
}

TEST(TorchLegacyTest, ReadsWhatPython2Wrote) {
  const std::string from =
      "(U\7storage" + global("torch", "FloatStorage") + "U\1" + "7U\3" + "cpu\x8A\1\4NtQ";
  const std::string value = global("collections", "OrderedDict") + "](](U\1w" +
                            tensor(from, "K\0"s, "(\x8A\1\2t", "(\x8A\1\1t") + "ee\x85R";
  EXPECT_THAT(floats(torch_legacy(value, "]U\1" + "7a"s, counted(4))), ElementsAre(0, 1));
}

class TorchLegacyRefusalTest : public ::testing::TestWithParam<Refusal> {};

TEST_P(TorchLegacyRefusalTest, StatesTheFault) {
  const std::string message = refusal_of(GetParam().bytes);
  EXPECT_THAT(message, StartsWith("memory: "));
  EXPECT_THAT(message, HasSubstr(GetParam().reason));
  EXPECT_LT(message.size(), 500U);
}

Refusal keys_case(std::string name, const std::string& keys, std::string reason) {
  return {std::move(name), torch_legacy(value_of(kFrom), keys, counted(4) + counted(4)),
          std::move(reason)};
}

Refusal data_case(std::string name, const std::string& data, std::string reason) {
  return {std::move(name), torch_legacy(value_of(kFrom), kKeys, data), std::move(reason)};
}

std::string with_version(const std::string& version) {
  return testing::golden_legacy().substr(0, 15) + pickle_of(version) + pickle_of("}");
}

std::string wrong_magic() {
  std::string bytes = testing::golden_legacy();
  bytes[13] = '\x18';
  bytes[12] = '\0';
  return bytes;
}

INSTANTIATE_TEST_SUITE_P(
    All, TorchLegacyRefusalTest,
    ::testing::ValuesIn(std::vector<Refusal>{
        {"Magic", "\x80\x02K\1."s, "wrong magic number for a file of torch before 1.6"},
        {"MagicOff", wrong_magic(), "wrong magic number for a file of torch before 1.6"},
        {"Version1002", with_version("M\xEA\x03"), "version: expected 1001, got 1002"},
        {"VersionNone", with_version("N"), "version: expected 1001, got None"},
        data_case("Count0", le(std::uint64_t{0}), "storage '7': expected 4 elements, got 0"),
        data_case("Count3", counted(3), "expected 4 elements, got 3"),
        data_case("Count5", counted(5), "expected 4 elements, got 5"),
        data_case("CountMinus", le(~std::uint64_t{0}),
                  "expected 4 elements, got 18446744073709551615"),
        data_case("Count61", le(std::uint64_t{1} << 61U), "expected 4 elements, got 2305843"),
        data_case(
            "Cut1", counted(4).substr(0, 23),
            "storage '7' is truncated: expected 16 bytes, got 15; advice(download the file again)"),
        data_case("Cut8", counted(4).substr(0, 16), "expected 16 bytes, got 8"),
        data_case("NoData", "", "expected 8 bytes, got 0"),
        data_case("CountCut", "\4\0\0"s, "expected 8 bytes, got 3"),
        keys_case("NoKeys", "]", "storage keys: expected the 1 storages that tensors use, got 0"),
        keys_case("OtherKey", "](" + text("7") + text("8") + "e",
                  "storage keys: no tensor uses '8'"),
        keys_case("KeyTwice", "](" + text("7") + text("7") + "e",
                  "storage keys: duplicate key '7'"),
        keys_case("KeyInt", "]K\7a"s, "got an int"),
        keys_case("KeysTuple", text("7") + "\x85",
                  "storage keys: expected a list, got a tuple of 1"),
        keys_case("KeysDict", "}" + text("7") + "Ns", "expected a list, got a dict of 1"),
        keys_case("KeysText", text("7"), "expected a list, got a str"),
        {"Five", with_value(value_of(storage("FloatStorage", "7", "K\4"s))),
         "expected a tuple of 'storage' and 5 values, got a tuple of 5"},
        {"ViewInt", with_value(value_of(storage("FloatStorage", "7", "K\4"s, "K\1"s))),
         "view: expected None or a tuple of 3, got an int"},
        {"Offset",
         with_value(ordered_dict(text("w") + tensor(kFrom, "K\4"s, integers({1}), integers({1})))),
         "its storage has 4 elements, but its last element is at 4"},
        {"Module",
         with_value("}" + text("m") +
                    tuple(text("module") + global("a", "B") + text("a.py") + text("source")) +
                    "Qs"),
         "unsupported: the file holds a whole model; advice(save its state_dict() instead)"},
        {"SecondClass",
         with_value(ordered_dict(text("w") + tensor(kFrom, "K\0"s, integers({2}), integers({1})) +
                                 text("v") +
                                 tensor(storage("IntStorage", "7", "K\4"s, "N"), "K\0"s,
                                        integers({2}), integers({1})))),
         "two references differ, FloatStorage of 4 elements and IntStorage of 4"},
        {"SecondNumel",
         with_value(ordered_dict(text("w") + tensor(kFrom, "K\0"s, integers({2}), integers({1})) +
                                 text("v") +
                                 tensor(storage("FloatStorage", "7", "K\1"s, "N"), "K\0"s,
                                        integers({1}), integers({1})))),
         "two references differ, FloatStorage of 4 elements and FloatStorage of 1"},
        {"EmptyWithoutCount",
         torch_legacy(ordered_dict(text("w") + tensor(storage("FloatStorage", "7", "K\0"s, "N"),
                                                      "K\0"s, integers({0}), integers({1}))),
                      kKeys, ""),
         "storage '7' is truncated: expected 8 bytes, got 0"},
        {"Untyped",
         with_value(value_of(tuple(text("storage") + global("torch.storage", "UntypedStorage") +
                                   text("7") + text("cpu") + "K\x10N"s) +
                             "Q")),
         "storage '7': an UntypedStorage (float8, uint16 and the like) is unsupported"}}),
    case_name);

}  // namespace
}  // namespace weightlift
