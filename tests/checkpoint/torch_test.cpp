#include "weightlift/checkpoint/torch.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/checkpoint/golden.h"
#include "tests/checkpoint/refusal_case.h"
#include "tests/checkpoint/torch_builder.h"
#include "tests/support/notes.h"
#include "tests/support/refusal.h"
#include "weightlift/base/message.h"

namespace weightlift {
namespace {

using testing::call;
using testing::case_name;
using testing::counting_floats;
using ::testing::ElementsAre;
using testing::float_tensor;
using testing::global;
using ::testing::HasSubstr;
using testing::integer;
using testing::integers;
using ::testing::IsEmpty;
using testing::no_hooks;
using testing::ordered_dict;
using testing::raw_tensor;
using testing::Refusal;
using ::testing::SizeIs;
using ::testing::StartsWith;
using testing::storage;
using testing::tensor;
using testing::text;
using testing::told;
using testing::torch_zip;
using testing::tuple;
using namespace std::string_literals;

TorchFile open(std::string bytes) {
  const auto owner = std::make_shared<const std::string>(std::move(bytes));
  return parse_torch_zip(std::as_bytes(std::span(*owner)), owner, "memory");
}

/// The state dict that is the file's top level.
TorchStateDict load(const std::string& bytes) {
  const TorchFile file = open(bytes);
  return load_state_dict(file, file.pickle.root);
}

std::string refusal_of(const std::string& bytes) {
  return testing::refusal<Error>([&] { load(bytes); });
}

/// A file with one tensor "w", in storage "0" of float32 0, 1, 2...
std::string one(const std::string& value, std::size_t elements = 4) {
  return torch_zip(ordered_dict(text("w") + value), {counting_floats(elements)});
}

/// The elements of a float32 tensor.
std::vector<float> values_of(const Tensor& tensor) {
  const Tensor aligned = tensor.aligned();
  const auto data = aligned.data<float>();
  return {data.begin(), data.end()};
}

std::vector<float> floats(const std::string& bytes) {
  return values_of(load(bytes).tensors.at("w"));
}

TEST(TorchZipTest, ReadsGoldenFiles) {
  for (const std::string& bytes :
       {testing::golden_zip(), testing::golden_aligned_zip(),
        testing::zip_of(testing::checkpoint_parts(testing::golden_memo_pickle()))}) {
    const TorchFile file = open(bytes);
    EXPECT_THAT(told(file.notes), IsEmpty());
    ASSERT_THAT(file.dicts, SizeIs(1));
    EXPECT_EQ(file.dicts[0].path, "");
    EXPECT_EQ(file.dicts[0].tensors, 1U);
    require_checksums(file);
    EXPECT_THAT(floats(bytes), ElementsAre(1.0F, -2.0F));
    EXPECT_EQ(load(bytes).tensors.at("w").shape(), Shape{2});
  }
}

TEST(TorchZipTest, ContiguousTensorsAreViewsOfTheFile) {
  const TorchFile file = open(one(float_tensor(4, 1, {3}, {1})));
  const TorchStateDict loaded = load_state_dict(file, file.pickle.root);
  const Tensor& view = loaded.tensors.at("w");
  EXPECT_EQ(view.owner(), file.owner);
  EXPECT_EQ(view.bytes().data(), file.storages.at("0").bytes.data() + 4);
}

TEST(TorchZipTest, ReadsStrides) {
  EXPECT_THAT(floats(one(float_tensor(4, 0, {2, 2}, {1, 2}))), ElementsAre(0, 2, 1, 3));
  EXPECT_THAT(floats(one(float_tensor(4, 0, {2}, {2}))), ElementsAre(0, 2));
  EXPECT_THAT(floats(one(float_tensor(4, 3, {7}, {0}))), ElementsAre(3, 3, 3, 3, 3, 3, 3));
  EXPECT_THAT(floats(one(float_tensor(4, 0, {3, 2}, {1, 1}))), ElementsAre(0, 1, 1, 2, 2, 3));
  // channels_last: (2, 2, 1, 2) as a convolution's weight of two rows.
  EXPECT_THAT(floats(one(float_tensor(8, 0, {2, 2, 1, 2}, {4, 1, 4, 2}), 8)),
              ElementsAre(0, 2, 1, 3, 4, 6, 5, 7));
}

TEST(TorchZipTest, IgnoresStridesOfDimensionsOfSizeOne) {
  constexpr std::int64_t kAny = std::numeric_limits<std::int64_t>::max();
  const std::string bytes = one(float_tensor(4, 0, {1, 2, 1, 2}, {kAny, 2, 77, 1}));
  const TorchFile file = open(bytes);
  EXPECT_EQ(load_state_dict(file, file.pickle.root).tensors.at("w").owner(), file.owner);
  EXPECT_THAT(floats(bytes), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(floats(one(float_tensor(4, 0, {2, 1, 2}, {1, kAny, 2}))), ElementsAre(0, 2, 1, 3));
  EXPECT_THAT(floats(one(float_tensor(4, 0, {2, 2, 1}, {1, 2, kAny}))), ElementsAre(0, 2, 1, 3));
}

TEST(TorchZipTest, ReadsScalarsAndEmptyTensors) {
  EXPECT_THAT(floats(one(float_tensor(4, 2, {}, {}))), ElementsAre(2.0F));
  EXPECT_EQ(load(one(float_tensor(4, 2, {}, {}))).tensors.at("w").shape(), Shape{});
  for (const std::int64_t offset : {std::int64_t{0}, std::int64_t{100}, std::int64_t{1} << 62}) {
    EXPECT_THAT(floats(one(float_tensor(4, offset, {0, 3}, {3, 1}))), IsEmpty());
  }
  const std::string empty = torch_zip(ordered_dict(text("w") + float_tensor(0, 0, {0}, {1})), {""});
  EXPECT_THAT(floats(empty), IsEmpty());
}

TEST(TorchZipTest, SharesStorages) {
  const std::string bytes =
      torch_zip(ordered_dict(text("a") + float_tensor(4, 0, {4}, {1}) + text("b") +
                             float_tensor(4, 1, {2}, {1}) + "q\1"s + text("tied") + "h\1"s),
                {counting_floats(4)});
  const TorchStateDict loaded = load(bytes);
  EXPECT_THAT(values_of(loaded.tensors.at("b")), ElementsAre(1, 2));
  EXPECT_EQ(loaded.tensors.at("tied").bytes().data(), loaded.tensors.at("b").bytes().data());
}

TEST(TorchZipTest, ReadsEachDtypeBitForBit) {
  struct Row {
    const char* storage;
    DType dtype;
  };
  for (const Row& row : std::vector<Row>{{"DoubleStorage", DType::F64},
                                         {"FloatStorage", DType::F32},
                                         {"HalfStorage", DType::F16},
                                         {"BFloat16Storage", DType::BF16},
                                         {"LongStorage", DType::I64},
                                         {"IntStorage", DType::I32},
                                         {"ShortStorage", DType::I16},
                                         {"CharStorage", DType::I8},
                                         {"ByteStorage", DType::U8},
                                         {"BoolStorage", DType::BOOL},
                                         {"ComplexFloatStorage", DType::C64}}) {
    std::string content(6 * item_bytes(row.dtype), '\0');
    for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 7);
    const auto value =
        tensor(storage(row.storage, "0", "K\6"s), "K\0"s, integers({2, 3}), integers({3, 1}));
    const Tensor read = load(torch_zip(ordered_dict(text("w") + value), {content})).tensors.at("w");
    EXPECT_EQ(read.dtype(), row.dtype);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(read.bytes().data()), read.bytes().size()),
              content);
  }
}

TEST(TorchZipTest, ReadsTypesWithoutAStorageOfTheirOwn) {
  const auto v3 = [](const std::string& dtype) {
    return call(global("torch._utils", "_rebuild_tensor_v3"),
                storage("UntypedStorage", "0", "K\4"s) + "K\0"s + integers({2}) + integers({1}) +
                    "\x89" + no_hooks() + dtype);
  };
  const auto in_storage_module = [](std::string bytes) {
    const std::string wrong = global("torch", "UntypedStorage");
    bytes.replace(bytes.find(wrong), wrong.size(), global("torch.storage", "UntypedStorage"));
    return bytes;
  };
  const auto file = [&](const std::string& value) {
    return torch_zip(ordered_dict(text("w") + in_storage_module(value)), {"abcd"});
  };
  EXPECT_EQ(load(file(v3(global("torch", "uint16")))).tensors.at("w").dtype(), DType::U16);
  EXPECT_THAT(refusal_of(file(v3(global("torch", "complex32")))),
              HasSubstr("tensor 'w': unsupported dtype: the global torch.complex32"));
  EXPECT_THAT(refusal_of(file(v3(global("torch", "float64")))), HasSubstr("of whole F64 elements"));
  const std::string v2 =
      tensor(storage("UntypedStorage", "0", "K\4"s), "K\0"s, integers({4}), integers({1}));
  EXPECT_EQ(load(file(v2)).tensors.at("w").dtype(), DType::U8);
  EXPECT_THAT(refusal_of(torch_zip(ordered_dict(text("w") + v2), {"abcd"})),
              HasSubstr("expected a storage class of torch, got the global torch.UntypedStorage"));
  EXPECT_THAT(
      refusal_of(torch_zip(
          ordered_dict(text("w") +
                       call(global("torch._utils", "_rebuild_tensor_v3"),
                            storage("FloatStorage", "0", "K\1"s) + "K\0"s + integers({1}) +
                                integers({1}) + "\x89" + no_hooks() + global("torch", "float32"))),
          {"abcd"})),
      HasSubstr("expected an UntypedStorage of whole F32 elements, got FloatStorage of 4 bytes"));
}

TEST(TorchZipTest, ReadsParametersAndTensorsWithAttributes) {
  const std::string inner = float_tensor(4, 0, {2}, {1});
  const std::string parameter =
      call(global("torch._utils", "_rebuild_parameter"), inner + "\x88" + no_hooks());
  EXPECT_THAT(floats(one(parameter)), ElementsAre(0, 1));
  EXPECT_THAT(floats(one(call(global("torch._utils", "_rebuild_parameter_with_state"),
                              inner + "\x88" + no_hooks() + "}"))),
              ElementsAre(0, 1));
  const std::string arguments = tuple(storage("FloatStorage", "0", "K\4"s) + "K\0"s +
                                      integers({2}) + integers({1}) + "\x89" + no_hooks());
  const auto from_type = [&](const std::string& type) {
    return call(global("torch._tensor", "_rebuild_from_type_v2"),
                global("torch._utils", "_rebuild_tensor_v2") + type + arguments + "}");
  };
  EXPECT_THAT(floats(one(from_type(global("torch", "Tensor")))), ElementsAre(0, 1));
  EXPECT_THAT(
      refusal_of(one(from_type(global("my.module", "Quant")))),
      HasSubstr("tensor 'w': unsupported tensor class: expected torch.Tensor, got the global "
                "my.module.Quant"));
  EXPECT_THAT(floats(one(call(
                  global("torch._utils", "_rebuild_tensor"),
                  storage("FloatStorage", "0", "K\4"s) + "K\0"s + integers({2}) + integers({1})))),
              ElementsAre(0, 1));
}

// TPUs have no storages: torch saves a tensor of the CPU and the device.
TEST(TorchZipTest, ReadsTensorsOfDevicesWithoutStorages) {
  const auto on_device = [](const std::string& dtype) {
    return call(global("torch._utils", "_rebuild_device_tensor_from_cpu_tensor"),
                float_tensor(4, 0, {2}, {1}) + global("torch", dtype) + text("xla:0") + "\x89");
  };
  EXPECT_THAT(floats(one(on_device("float32"))), ElementsAre(0, 1));
  EXPECT_THAT(floats(one(call(global("torch._utils", "_rebuild_parameter"),
                              on_device("float32") + "\x88" + no_hooks()))),
              ElementsAre(0, 1));
  EXPECT_THAT(refusal_of(one(on_device("bfloat16"))),
              HasSubstr("unsupported change of dtype: F32 stored, BF16 expected on its device"));
  for (const char* name : {"_rebuild_device_tensor_from_numpy", "_rebuild_xla_tensor"}) {
    EXPECT_THAT(refusal_of(one(call(global("torch._utils", name), "N"))),
                HasSubstr("unsupported: a tensor that is a numpy array inside the pickle"));
  }
}

TEST(TorchZipTest, ReadsTheFormsBeforeTorch04) {
  const std::string state =
      tuple(storage("FloatStorage", "0", "K\4"s) + "K\0"s + integers({2}) + integers({1}));
  const std::string old = global("torch", "FloatTensor") + ")R" + state + "b";
  EXPECT_THAT(floats(one(old)), ElementsAre(0, 1));
  EXPECT_THAT(floats(one(global("torch.cuda", "FloatTensor") + ")R" + state + "b")),
              ElementsAre(0, 1));
  const std::string parameter = global("torch.nn.parameter", "Parameter");
  EXPECT_THAT(floats(one(parameter + tuple(old + "\x88") + "\x81")), ElementsAre(0, 1));
  EXPECT_THAT(floats(one(call(parameter, old) + tuple("\x88\x89" + no_hooks()) + "b")),
              ElementsAre(0, 1));
  // Without its state such a tensor has no values; torch leaves them uninitialized.
  EXPECT_THAT(refusal_of(one(call(global("torch", "FloatTensor"), "K\4"s))),
              HasSubstr("tensor 'w': expected 4 to 4 arguments, got 1"));
  EXPECT_THAT(refusal_of(one(old + state + "b")), HasSubstr("state: expected a dict"));
}

TEST(TorchZipTest, IgnoresHooksMetadataAndLocations) {
  const std::string start =
      storage("FloatStorage", "0", "K\4"s) + "K\0"s + integers({2}) + integers({1});
  for (const std::string& rest :
       {"\x88" + no_hooks(), "\x89N"s, "\x89}"s, "\x89" + no_hooks() + "}",
        "\x89" + no_hooks() + "N", "\x89" + no_hooks() + "}" + text("other") + "\x88s"}) {
    EXPECT_THAT(floats(one(raw_tensor(start + rest))), ElementsAre(0, 1));
  }
  const std::string lists =
      raw_tensor(storage("FloatStorage", "0", "K\4"s) + "K\0]K\2a]K\1a\x89}"s);
  EXPECT_THAT(floats(one(lists)), ElementsAre(0, 1));
  const std::string size =
      raw_tensor(storage("FloatStorage", "0", "K\4"s) + "K\0"s +
                 call(global("torch", "Size"), integers({2})) + integers({1}) + "\x89}");
  EXPECT_THAT(floats(one(size)), ElementsAre(0, 1));
  for (const char* location : {"cuda:0", "mps", "zzz", "cpu:0", "meta", ""}) {
    const std::string from = tuple(text("storage") + global("torch.cuda", "FloatStorage") +
                                   text("0") + text(location) + "K\4"s) +
                             "Q";
    EXPECT_THAT(floats(one(tensor(from, "K\0"s, integers({2}), integers({1})))), ElementsAre(0, 1));
  }
}

TEST(TorchZipTest, NamesItemsThatAreNotTensors) {
  const TorchStateDict loaded =
      load(one(float_tensor(4, 0, {2}, {1}) + text("epoch") + "K\3"s + text("args") +
               global("argparse", "Namespace") + ")\x81}b" + text("best") + "G\0\0\0\0\0\0\0\0"s +
               text("none") + "N" + text("run") + call(global("os", "system"), text("true"))));
  EXPECT_EQ(loaded.tensors.size(), 1U);
  EXPECT_THAT(loaded.others,
              ElementsAre("epoch (int)", "args (object of argparse.Namespace)", "best (float)",
                          "none (None)", "run (object of os.system)"));
}

TEST(TorchZipTest, ListsDictsOfTensorsByPath) {
  const std::string weights = float_tensor(4, 0, {2}, {1});
  const std::string moments = "}" + text("exp_avg") + weights + "s";
  const TorchFile file = open(torch_zip(
      "}(" + text("epoch") + "K\1"s + text("state_dict") + ordered_dict(text("w") + weights) +
          text("optimizer") + "}" + text("state") + "}K\0"s + moments + "ss" + text("nested") +
          "}" + text("model") + ordered_dict(text("a") + weights + text("b") + weights) + "su",
      {counting_floats(4)}));
  std::vector<std::string> paths;
  for (const TorchDict& dict : file.dicts) paths.push_back(dict.path);
  EXPECT_THAT(paths, ElementsAre("", "state_dict", "optimizer", "nested", "nested.model"));
  EXPECT_EQ(file.dicts[2].tensors, 0U);
  EXPECT_EQ(file.dicts[4].tensors, 2U);
  EXPECT_EQ(load_state_dict(file, file.dicts[4].id).tensors.size(), 2U);
  EXPECT_EQ(file.pickle.at(*find_item(file.pickle, file.pickle.root, "epoch")).integer, 1);
  EXPECT_FALSE(find_item(file.pickle, file.pickle.root, "model"));
}

/// The paths of a file's dicts, then the keys of tensors in lists.
std::vector<std::string> paths_of(const std::string& value) {
  const TorchFile file = open(torch_zip(value, {counting_floats(4)}));
  std::vector<std::string> paths;
  for (const TorchDict& dict : file.dicts) paths.push_back(dict.path);
  paths.emplace_back("|");
  for (const std::string& key : file.keys_of_lists) paths.push_back(key);
  return paths;
}

TEST(TorchZipTest, ListsDictsInListsAndBelowIntegers) {
  const std::string weights = float_tensor(4, 0, {2}, {1});
  const std::string layers = ordered_dict(text("fc.weight") + weights);
  const std::string moments = "}" + text("exp_avg") + weights + "s";
  EXPECT_THAT(paths_of(tuple(layers + "K\1"s + layers)), ElementsAre("0", "2", "|"));
  EXPECT_THAT(paths_of("](" + layers + moments + weights + "e"), ElementsAre("0", "|", "2", "1"));
  EXPECT_THAT(paths_of("}(K\0"s + layers + "K\7"s + layers + "K\1"s + weights + "u"),
              ElementsAre("", "0", "7", "|", "1"));
  EXPECT_THAT(paths_of("}" + text("models") + "](" + layers + layers + "es"),
              ElementsAre("", "models.0", "models.1", "|"));
  // No path leads through other keys.
  EXPECT_THAT(paths_of("}(N" + layers + text("a") + "}" + tuple("K\1K\2"s) + layers + "su"),
              ElementsAre("", "a", "|", "None", "a"));
  EXPECT_THAT(paths_of("}" + text("a") + "}" + text("b") + "]q\0(h\0"s + weights + "ess"),
              ElementsAre("", "a", "|", "a"));
}

TEST(TorchZipTest, ListsDictsOfAnyDepth) {
  const std::string layers = ordered_dict(text("fc.weight") + float_tensor(4, 0, {2}, {1}));
  std::string value = layers;
  for (const char* key : {"trunk", "model", "base_model", "classy_state_dict"}) {
    value = "}" + text(key) + value + "s";
  }
  EXPECT_THAT(paths_of(value), ElementsAre("", "classy_state_dict",
                                           "classy_state_dict.base_model.model.trunk", "|"));
  constexpr int kDepth = 100'000;
  std::string deep;
  for (int i = 0; i < kDepth; ++i) deep += "}" + text("d");
  deep += layers + std::string(kDepth, 's');
  EXPECT_THAT(paths_of(deep), ElementsAre("", "d", "|", "d"));
}

TEST(TorchZipTest, AcceptsStoragesInTheOrderOfTexts) {
  // torch 1.13 writes 0, 1, 10, 2...
  std::string items;
  for (int i = 0; i < 12; ++i) {
    items += text("t" + std::to_string(i)) +
             tensor(storage("ByteStorage", std::to_string(i), "K\1"s), "K\0"s, ")", ")");
  }
  std::vector<testing::ZipPart> parts = {{"a/data.pkl", testing::pickle_of(ordered_dict(items))}};
  for (const int i : {0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9}) {
    parts.push_back({"a/data/" + std::to_string(i), std::string(1, static_cast<char>(i))});
  }
  parts.push_back({"a/version", "3\n"});
  const TorchStateDict loaded = load(testing::zip_of(parts));
  for (int i = 0; i < 12; ++i) {
    EXPECT_EQ(loaded.tensors.at("t" + std::to_string(i)).bytes().front(), std::byte(i));
  }
}

TEST(TorchZipTest, AcceptsNumbersOfAnyLength) {
  const std::string nine = "\x8A\x09\x02"s + std::string(8, '\0');
  EXPECT_THAT(floats(one(tensor(storage("FloatStorage", "0", "\x8A\1\4"s), "\x8A\0"s, tuple(nine),
                                tuple("\x8A\1\1"s)))),
              ElementsAre(0, 1));
  const TorchStateDict loaded = load(
      one(float_tensor(4, 0, {2}, {1}) + text("epoch") + "\x8A\xFF"s + std::string(255, '\x11')));
  EXPECT_THAT(loaded.others, ElementsAre("epoch (int)"));
}

TEST(TorchZipTest, NotesUnusedStorages) {
  const TorchFile file = open(torch_zip(ordered_dict(text("w") + float_tensor(2, 0, {2}, {1})),
                                        {counting_floats(2), "more"}));
  EXPECT_THAT(told(file.notes), ElementsAre("memory: zip-unused-storages count='1'"));
}

TEST(TorchZipTest, FindsDamagedStorages) {
  std::vector<testing::ZipPart> parts = testing::checkpoint_parts();
  parts[2].crc = 5;
  const TorchFile file = open(testing::zip_of(parts));
  EXPECT_THAT(testing::refusal<FormatError>([&] { require_checksums(file); }),
              HasSubstr("entry 'archive/data/0' is damaged: expected CRC-32 00000005"));
}

class TorchRefusalTest : public ::testing::TestWithParam<Refusal> {};

TEST_P(TorchRefusalTest, StatesTheFault) {
  const std::string message = refusal_of(GetParam().bytes);
  EXPECT_THAT(message, StartsWith("memory: "));
  EXPECT_THAT(message, HasSubstr(GetParam().reason));
  EXPECT_LT(message.size(), 500U);
  EXPECT_EQ(message.find('\n'), std::string::npos);
}

Refusal layout_case(std::string name, const std::string& offset, const std::string& size,
                    const std::string& stride, std::string reason) {
  return {std::move(name), one(tensor(storage("FloatStorage", "0", "K\4"s), offset, size, stride)),
          std::move(reason)};
}

/// A tensor whose storage is named by `from`.
Refusal storage_case(std::string name, const std::string& from, std::string reason) {
  return {std::move(name), one(tensor(from, "K\0"s, integers({2}), integers({1}))),
          std::move(reason)};
}

Refusal pid_case(std::string name, const std::string& pid, std::string reason) {
  return storage_case(std::move(name), pid + "Q", std::move(reason));
}

/// A good tensor up to its strides, then `rest`.
Refusal rest_case(std::string name, const std::string& rest, std::string reason) {
  return {std::move(name),
          one(raw_tensor(storage("FloatStorage", "0", "K\4"s) + "K\0"s + integers({2}) +
                         integers({1}) + rest)),
          std::move(reason)};
}

Refusal key_case(std::string name, const std::string& key, std::string reason) {
  return {std::move(name),
          torch_zip(ordered_dict(key + float_tensor(4, 0, {2}, {1})), {counting_floats(4)}),
          std::move(reason)};
}

Refusal value_case(std::string name, const std::string& value, std::string reason) {
  return {std::move(name), one(value), std::move(reason)};
}

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

INSTANTIATE_TEST_SUITE_P(
    Layouts, TorchRefusalTest,
    ::testing::ValuesIn(std::vector<Refusal>{
        layout_case("Offset1", "K\1"s, integers({4}), integers({1}),
                    "tensor 'w': its storage has 4 elements, but its last element is at 4"),
        layout_case("Size5", "K\0"s, integers({5}), integers({1}), "its last element is at 4"),
        layout_case("OffsetMinus", integer(-1), integers({2}), integers({1}),
                    "offset: expected integers from 0 to 2^63 - 1, got -1"),
        layout_case("SizeMinus", "K\0"s, integers({-4}), integers({1}), "size: expected integers"),
        layout_case("StrideMinus", "K\3"s, integers({2}), integers({-1}), "stride: expected"),
        layout_case("Offset62", integer(std::int64_t{1} << 62), integers({2}), integers({1}),
                    "its last element is at 4611686018427387905"),
        layout_case("OffsetMax", integer(kMax), integers({2}), integers({1}),
                    "its last element is at a place beyond 64 bits"),
        layout_case("Offset64", "\x8A\x09"s + std::string(8, '\0') + "\1", integers({2}),
                    integers({1}), "offset: expected integers from 0 to 2^63 - 1, got an int"),
        layout_case("LongDim", "K\0"s, tuple("\x8A\xFF"s + std::string(255, '\1')), integers({1}),
                    "size: expected integers from 0 to 2^63 - 1, got an int"),
        layout_case(
            "Terabytes", "K\0"s, integers({std::int64_t{1} << 40}), integers({0}),
            "exceed four times the file: F32 [1099511627776] needs 4398046511104 more bytes"),
        layout_case("AllBits", "K\0"s, integers({kMax}), integers({0}), "exceeds 64 bits"),
        layout_case("Product", "K\0"s, integers({std::int64_t{1} << 32, std::int64_t{1} << 32}),
                    integers({0, 0}), "exceeds 64 bits"),
        layout_case("ProductWithZero", "K\0"s,
                    integers({std::int64_t{1} << 32, std::int64_t{1} << 32, 0}),
                    integers({0, 0, 0}), "exceeds 64 bits"),
        layout_case("Rank", "K\0"s, integers({2, 2}), integers({1}),
                    "stride: expected one for each of 2 dimensions, got 1"),
        layout_case("BoolDim", "K\0"s, tuple("\x88"), integers({1}), "got a bool"),
        layout_case("BoolOffset", "\x88", integers({2}), integers({1}), "got a bool"),
        layout_case("FloatDim", "K\0"s, tuple("G@\0\0\0\0\0\0\0"s), integers({1}), "got a float"),
        layout_case("NoStride", "K\0"s, integers({2}), "N", "stride: expected a tuple, got None"),
        layout_case("Rank65", "K\0"s, integers(std::vector<std::int64_t>(65, 1)),
                    integers(std::vector<std::int64_t>(65, 1)), "at most 64 dimensions, got 65")}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Storages, TorchRefusalTest,
    ::testing::ValuesIn(std::vector<Refusal>{
        storage_case("NumelMinus", storage("FloatStorage", "0", integer(-4)),
                     "storage: numel: expected an int from 0 to 2^63 - 1, got -4"),
        storage_case("Numel61", storage("FloatStorage", "0", integer(std::int64_t{1} << 61)),
                     "expected 9223372036854775808 bytes, got 16"),
        storage_case("NumelWraps", storage("FloatStorage", "0", integer(0x4000000000000001)),
                     "storage '0': size exceeds 64 bits: 4611686018427387905 elements of 4 bytes"),
        storage_case("NumelFloat", storage("FloatStorage", "0", "G@\0\0\0\0\0\0\0"s),
                     "numel: expected an int from 0 to 2^63 - 1, got a float"),
        storage_case("NumelTrue", storage("FloatStorage", "0", "\x88"), "got a bool"),
        storage_case("NumelShort", storage("FloatStorage", "0", "K\2"s),
                     "storage '0': expected 8 bytes, got 16"),
        storage_case("NumelLong", storage("FloatStorage", "0", "K\x08"s),
                     "storage '0': expected 32 bytes, got 16"),
        {"EmptyRecord", torch_zip(ordered_dict(text("w") + float_tensor(4, 0, {2}, {1})), {""}),
         "storage '0': expected 16 bytes, got 0"},
        {"NumelOfTwo",
         torch_zip(ordered_dict(text("w") + float_tensor(2, 0, {4}, {1})), {counting_floats(2)}),
         "its storage has 2 elements, but its last element is at 3"},
        storage_case("Missing", storage("FloatStorage", "7", "K\4"s), "storage '7' is missing"),
        {"MissingEmpty",
         one(tensor(storage("FloatStorage", "7", "K\0"s), "K\0"s, integers({0}), integers({1}))),
         "storage '7' is missing"},
        storage_case("KeyUp", storage("FloatStorage", "../x", "K\4"s),
                     "key: expected a number as text, got '../x'"),
        storage_case("KeyFolder", storage("FloatStorage", "0/1", "K\4"s), "got '0/1'"),
        storage_case("KeyZeros", storage("FloatStorage", "00", "K\4"s), "got '00'"),
        storage_case("KeyEmpty", storage("FloatStorage", "", "K\4"s), "got ''"),
        storage_case("UnknownClass", storage("FooStorage", "0", "K\4"s),
                     "class: expected a storage class of torch, got the global torch.FooStorage"),
        storage_case("TensorClass", storage("FloatTensor", "0", "K\4"s), "torch.FloatTensor"),
        storage_case("DtypeClass", storage("float32", "0", "K\4"s), "torch.float32"),
        pid_case("KeyInt",
                 tuple(text("storage") + global("torch", "FloatStorage") + "K\0"s + text("cpu") +
                       "K\4"s),
                 "key: expected a number as text, got an int"),
        pid_case("ClassText",
                 tuple(text("storage") + text("FloatStorage") + text("0") + text("cpu") + "K\4"s),
                 "class: expected a storage class of torch, got a str"),
        pid_case("OtherModule",
                 tuple(text("storage") + global("torch.storage", "FloatStorage") + text("0") +
                       text("cpu") + "K\4"s),
                 "torch.storage.FloatStorage"),
        pid_case("LegacyClass",
                 tuple(text("storage") + global("torch.storage", "_LegacyStorage") + text("0") +
                       text("cpu") + "K\4"s),
                 "torch.storage._LegacyStorage"),
        pid_case("LocationInt",
                 tuple(text("storage") + global("torch", "FloatStorage") + text("0") + "K\0K\4"s),
                 "location: expected a str, got an int"),
        pid_case("Four",
                 tuple(text("storage") + global("torch", "FloatStorage") + text("0") + text("cpu")),
                 "expected a tuple of 'storage' and 4 values, got a tuple of 4"),
        pid_case("Six",
                 tuple(text("storage") + global("torch", "FloatStorage") + text("0") + text("cpu") +
                       "K\4N"s),
                 "got a tuple of 6"),
        pid_case("List", "]", "got a list of 0"),
        pid_case("Int", "K\1"s, "got an int"),
        pid_case("Text", text("0"), "got a str"),
        pid_case("Empty", ")", "got a tuple of 0"),
        pid_case(
            "Module", tuple(text("module") + global("a", "B") + text("a.py") + text("source")),
            "unsupported: the file holds a whole model; advice(save its state_dict() instead)")}),
    case_name);

TEST(TorchZipTest, RefusesReferencesThatDisagree) {
  const auto second = [](const std::string& from) {
    return one(float_tensor(4, 0, {2}, {1}) + text("b") +
               tensor(from, "K\0"s, integers({1}), integers({1})));
  };
  EXPECT_THAT(refusal_of(second(storage("FloatStorage", "0", "K\1"s))),
              HasSubstr("storage '0': two references differ, FloatStorage of 4 elements and "
                        "FloatStorage of 1"));
  EXPECT_THAT(refusal_of(second(storage("IntStorage", "0", "K\4"s))), HasSubstr("IntStorage of 4"));
  EXPECT_THAT(refusal_of(second(storage("DoubleStorage", "0", "K\2"s))),
              HasSubstr("DoubleStorage"));
}

INSTANTIATE_TEST_SUITE_P(
    Arguments, TorchRefusalTest,
    ::testing::ValuesIn(std::vector<Refusal>{
        rest_case("Neg", "\x89" + no_hooks() + "}" + text("neg") + "\x88s",
                  "unsupported lazy 'neg' of its elements; advice(call torch.resolve_neg()"),
        rest_case("Conj", "\x89" + no_hooks() + "}" + text("conj") + "\x88s",
                  "unsupported lazy 'conj' of its elements"),
        rest_case("Eight", "\x89" + no_hooks() + "}}", "expected 6 to 7 arguments, got 8"),
        rest_case("Five", "\x89", "expected 6 to 7 arguments, got 5"),
        rest_case("MetadataInt", "\x89" + no_hooks() + "K\1"s, "metadata: expected a dict"),
        rest_case("GradInt", "K\1"s + no_hooks(), "requires_grad: expected a bool"),
        rest_case("GradNone", "N" + no_hooks(), "requires_grad: expected a bool"),
        rest_case("Hooks", "\x89" + ordered_dict("K\1K\1"s),
                  "hooks: expected none, got a dict of 1"),
        {"GradOfInt64",
         torch_zip(ordered_dict(text("w") + raw_tensor(storage("LongStorage", "0", "K\1"s) +
                                                       "K\0))"s + "\x88" + no_hooks())),
                   {std::string(8, '\0')}),
         "requires_grad: expected a bool, True for floating types only, got a bool for I64"},
        value_case("StorageInt", raw_tensor("K\1K\0"s + integers({2}) + integers({1}) + "\x89}"),
                   "expected a storage, got an int"),
        value_case("ParameterOfInt",
                   call(global("torch._utils", "_rebuild_parameter"), "K\1\x88}"s),
                   "expected a tensor, got an int")}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Kinds, TorchRefusalTest,
    ::testing::ValuesIn(std::vector<Refusal>{
        value_case("Quantised", call(global("torch._utils", "_rebuild_qtensor"), ""),
                   "tensor 'w': unsupported: a quantized tensor (torch._utils._rebuild_qtensor)"),
        value_case("Sparse", call(global("torch._utils", "_rebuild_sparse_tensor"), ""),
                   "unsupported: a sparse tensor"),
        value_case("Meta", call(global("torch._utils", "_rebuild_meta_tensor_no_storage"), ""),
                   "unsupported: a meta tensor, which has no data"),
        value_case("Nested", call(global("torch._utils", "_rebuild_nested_tensor"), ""),
                   "unsupported: a nested tensor"),
        value_case("Old", call(global("torch", "FloatTensor"), ""), "expected 4 to 4 arguments"),
        value_case("Subclass", call(global("torch.masked", "MaskedTensor"), ""),
                   "a tensor of another kind"),
        value_case("Bytes", call(global("torch.storage", "_load_from_bytes"), ""),
                   "unsupported: a storage inside the pickle"),
        value_case("Complex128",
                   tensor(storage("ComplexDoubleStorage", "0", "K\1"s), "K\0"s, ")", ")"),
                   "unsupported dtype: torch.ComplexDoubleStorage"),
        value_case("QInt8", tensor(storage("QInt8Storage", "0", "K\x10"s), "K\0"s, ")", ")"),
                   "unsupported dtype: torch.QInt8Storage"),
        {"TopTensor", torch_zip(float_tensor(4, 0, {2}, {1}), {counting_floats(4)}),
         "expected a dict of tensors, got a tensor"},
        {"TopList", torch_zip("]", {}), "expected a dict of tensors, got a list of 0"},
        {"TopInt", torch_zip("K\1"s, {}), "expected a dict of tensors, got an int"},
        {"TopStorage", torch_zip(storage("FloatStorage", "0", "K\4"s), {counting_floats(4)}),
         "expected a dict of tensors, got a storage"},
        {"TopModule", torch_zip(global("my.models", "ResNet") + ")\x81}b", {}),
         "expected a dict of tensors, got an object of my.models.ResNet"}}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Keys, TorchRefusalTest,
    ::testing::ValuesIn(std::vector<Refusal>{
        key_case("Int", "K\1"s,
                 "tensor name: expected 1 to 100000 bytes of UTF-8 without NUL, got an int"),
        key_case("Tuple", ")", "got a tuple of 0"),
        key_case("None", "N", "got None"),
        key_case("Empty", text(""), "got ''"),
        key_case("Nul", text("a\0b"s), "got 'a\\x00b'"),
        key_case("Surrogate", text("\xED\xA0\x80"), "got '\\xed\\xa0\\x80'"),
        key_case("Overlong", text("\xC0\xAF"), "got '\\xc0\\xaf'"),
        key_case("NotUtf8", "U\1\xE9"s, "got '\\xe9'"),
        key_case("Long", text(std::string(100'001, 'x')), "got 'xxx"),
        key_case("Twice", text("a") + "N" + text("a"), "tensor 'a': duplicate name"),
        {"AfterTheEnd",
         testing::zip_of({{"a/data.pkl", testing::pickle_of("}") + "more"}, {"a/version", "3"}}),
         "data.pkl: 4 bytes follow the end of the pickle"}}),
    case_name);

}  // namespace
}  // namespace weightlift
