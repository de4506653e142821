#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <optional>

#include "tests/checkpoint/golden.h"
#include "tests/support/notes.h"
#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "weightlift/base/digest.h"
#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint.h"
#include "weightlift/checkpoint/safetensors.h"
#include "weightlift/checkpoint/torch.h"
#include "weightlift/checkpoint/zip_writer.h"
#include "weightlift/tensor/compare.h"
#include "weightlift/tensor/convert.h"

namespace weightlift {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::read_file;
using testing::told;

Tensor tensor_of_bytes(DType dtype, Shape shape, std::string bytes) {
  const auto owner = std::make_shared<const std::string>(std::move(bytes));
  return Tensor::view(dtype, std::move(shape), std::as_bytes(std::span(*owner)), owner);
}

StateDict dict_of(std::vector<std::pair<std::string, Tensor>> items) {
  StateDict dict;
  for (auto& [name, tensor] : items) dict.insert(std::move(name), std::move(tensor));
  return dict;
}

std::string written(const StateDict& tensors) {
  const testing::TempDir dir;
  write_torch(dir / "out.bin", output_tensors(tensors));
  return read_file(dir / "out.bin");
}

StateDict read_back(const std::string& bytes) {
  const auto owner = std::make_shared<const std::string>(bytes);
  const TorchFile file = parse_torch_zip(std::as_bytes(std::span(*owner)), owner, "memory");
  EXPECT_THAT(told(file.notes), IsEmpty());
  require_checksums(file);
  return load_state_dict(file, file.pickle.root).tensors;
}

void expect_equal(const StateDict& read, const StateDict& expected) {
  ASSERT_EQ(read.size(), expected.size());
  for (auto a = read.begin(), b = expected.begin(); a != read.end(); ++a, ++b) {
    EXPECT_EQ(a->first, b->first);
    EXPECT_TRUE(bit_equal(a->second, b->second)) << b->first;
  }
}

/// The error of class `Kind` that refuses the tensor.
template <class Kind = FormatError>
std::string refusal(const std::string& name, const Tensor& tensor,
                    std::optional<DType> dtype = std::nullopt) {
  const testing::TempDir dir;
  const std::string message = testing::refusal<Kind>([&] {
    write_torch(dir / "out.bin", {{name, tensor, dtype.value_or(tensor.dtype())}});
  });
  EXPECT_FALSE(std::filesystem::exists(dir / "out.bin"));
  EXPECT_THAT(message, ::testing::StartsWith((dir / "out.bin").string() + ": "));
  return message;
}

TEST(TorchWriterTest, WritesTheFileThatTorchReads) {
  const std::string bytes = written(dict_of({{"w", Tensor::of<float>({2}, {1, -2})}}));
  EXPECT_EQ(bytes, testing::golden_aligned_zip());
  EXPECT_EQ(sha256(std::as_bytes(std::span(bytes))),
            "3e809983373a8e379276f398287c33dd43d5537aff572a96efb66e955615b5c8");
}

TEST(TorchWriterTest, KeepsOrderDtypesAndShapes) {
  StateDict dict;
  for (const DType dtype : {DType::F64, DType::F32, DType::F16, DType::BF16, DType::I64, DType::I32,
                            DType::I16, DType::I8, DType::U8, DType::BOOL, DType::C64}) {
    std::string bytes(6 * item_bytes(dtype), '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7);
    dict.insert("z" + std::string(to_string(dtype)), tensor_of_bytes(dtype, {2, 3}, bytes));
  }
  dict.insert("scalar", Tensor::of<std::int64_t>({}, {7}));
  dict.insert("empty", Tensor::of<float>({3, 0, 2}, {}));
  dict.insert("long", Tensor::of<float>({70'000}, std::vector<float>(70'000, 0.5F)));
  dict.insert("middle", Tensor::of<float>({300, 1}, std::vector<float>(300, 1.5F)));
  const std::string bytes = written(dict);
  expect_equal(read_back(bytes), dict);
  EXPECT_EQ(written(dict), bytes);
}

TEST(TorchWriterTest, WritesSizesBeyond31Bits) {
  const StateDict dict =
      dict_of({{"a", tensor_of_bytes(DType::F32, {std::int64_t{1} << 31, 0}, "")},
               {"b", tensor_of_bytes(DType::F32, {0, (std::int64_t{1} << 40) + 128, 1}, "")}});
  const std::string bytes = written(dict);
  EXPECT_THAT(bytes, HasSubstr(std::string("(\x8A\x05\0\0\0\x80\0K\0t", 11)));
  expect_equal(read_back(bytes), dict);
}

TEST(TorchWriterTest, AlignsEveryTensor) {
  StateDict dict;
  for (int i = 0; i < 1001; ++i) {
    dict.insert("t" + std::to_string(i), Tensor::of<std::int64_t>({}, {i}));
  }
  const testing::TempDir dir;
  write_torch(dir / "out.bin", output_tensors(dict));
  const auto file = MappedFile::open(dir / "out.bin");
  const TorchFile torch = parse_torch_zip(file->bytes(), file, "file");
  for (const auto& [key, storage] : torch.storages) {
    EXPECT_EQ((storage.bytes.data() - file->bytes().data()) % 64, 0) << key;
  }
  expect_equal(load_state_dict(torch, torch.pickle.root).tensors, dict);
}

// O04 of catalogue.md: both formats keep the same names.
TEST(TorchWriterTest, KeepsNamesOfAnyCharacters) {
  StateDict dict;
  for (const std::string& name :
       std::vector<std::string>{"\"", "\\", "\x01\n\t\x7F", "\xC3\xA9", "\xE2\x80\xA8",
                                "\xF0\x9F\x98\x80", "../../etc/x", std::string(70'000, 'n')}) {
    dict.insert(name, Tensor::of<float>({1}, {1}));
  }
  expect_equal(read_back(written(dict)), dict);
  const testing::TempDir dir;
  write_safetensors(dir / "out", output_tensors(dict), {});
  const StateDict read = load_safetensors(MappedFile::open(dir / "out")).tensors;
  for (const auto& [name, tensor] : dict) EXPECT_TRUE(read.contains(name)) << name;
}

TEST(TorchWriterTest, ConvertsWhileItWrites) {
  // Several pieces, and two tensors of less than a piece; a counter keeps its dtype.
  std::vector<float> values(700'001);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) * 0.37F;
  StateDict dict = dict_of({{"long", Tensor::of<float>({700'001}, values)},
                            {"counter", Tensor::of<std::int64_t>({}, {7})},
                            {"empty", Tensor::of<float>({3, 0}, {})},
                            {"half", to_dtype(Tensor::of<float>({2}, {0.1F, 70'000}), DType::BF16)},
                            {"double", Tensor::of<double>({2}, {1.0 / 3, 1e300})}});
  for (const DType dtype : {DType::F16, DType::BF16, DType::F32, DType::F64}) {
    StateDict expected;
    for (const auto& [name, tensor] : dict) {
      expected.insert(name, name == "counter" ? tensor : to_dtype(tensor, dtype));
    }
    const testing::TempDir dir;
    write_torch(dir / "out.bin", output_tensors(dict, dtype));
    EXPECT_EQ(read_file(dir / "out.bin"), written(expected)) << to_string(dtype);
    expect_equal(read_back(read_file(dir / "out.bin")), expected);
  }
}

TEST(TorchWriterTest, RefusesDuplicateNamesAndImpossibleConversions) {
  const Tensor one = Tensor::of<float>({1}, {1});
  const testing::TempDir dir;
  EXPECT_THAT(testing::refusal<FormatError>([&] {
                write_torch(dir / "out.bin", {{"a", one, DType::F32}, {"a", one, DType::F32}});
              }),
              HasSubstr("tensor 'a': duplicate name"));
  EXPECT_THAT(
      refusal<UnsupportedError>("n", Tensor::of<std::int64_t>({1}, {1}), DType::F32),
      HasSubstr("tensor 'n': cannot convert I64 to F32: only F16, BF16, F32 and F64 can be"));
}

TEST(TorchWriterTest, WritesNoTensorsAsAnEmptyDict) {
  EXPECT_THAT(read_back(written({})), IsEmpty());
}

// O06.
TEST(TorchWriterTest, RefusesTensorsThatNotEveryReaderAccepts) {
  const Tensor one = Tensor::of<float>({1}, {1});
  EXPECT_THAT(refusal("", one), HasSubstr("tensor '': expected a name that is not empty"));
  EXPECT_THAT(refusal("__metadata__", one), HasSubstr("expected a name other than __metadata__"));
  EXPECT_THAT(refusal(std::string("a\0b", 3), one), HasSubstr("expected a name without NUL"));
  EXPECT_THAT(refusal("\xED\xA0\x80", one), HasSubstr("expected a name in UTF-8"));
  EXPECT_THAT(refusal(std::string(100'001, 'n'), one), HasSubstr("of at most 100000 bytes"));
  for (const DType dtype : {DType::F8_E5M2, DType::F8_E4M3, DType::F8_E8M0, DType::F8_E4M3FNUZ,
                            DType::F8_E5M2FNUZ, DType::U16, DType::U32, DType::U64}) {
    EXPECT_THAT(
        refusal<UnsupportedError>(
            "q", tensor_of_bytes(dtype, {1}, std::string(item_bytes(dtype), '\0'))),
        HasSubstr(
            "tensor 'q': dtype " + std::string(to_string(dtype)) +
            " is unsupported in .bin files; advice(write safetensors, or convert the tensor)"));
  }
}

TEST(TorchWriterTest, ReportsProgressUpToTheSizeAndStopsWhereItThrows) {
  const std::vector<OutputTensor> outputs = {
      {"big", Tensor::of<float>({3'000'000}, std::vector<float>(3'000'000, 1.0F)), DType::F32}};
  const testing::TempDir dir;
  std::vector<std::uint64_t> seen;
  write_torch(dir / "out", outputs, [&](std::uint64_t done, std::uint64_t total) {
    seen.push_back(done);
    EXPECT_GE(total, done);
  });
  EXPECT_GE(seen.size(), 4U);
  EXPECT_EQ(seen.back(), std::filesystem::file_size(dir / "out"));
  EXPECT_THROW(write_torch(dir / "again", outputs,
                           [](std::uint64_t, std::uint64_t) { throw Interrupted(2); }),
               Interrupted);
  EXPECT_THROW(write_torch(dir / "out", outputs), ExistsError);
}

/// A file with holes for contents, of entries of these sizes, each named data/I.
std::uint64_t write_holes(const std::filesystem::path& path,
                          const std::vector<std::uint64_t>& sizes) {
  ZipWriter zip;
  for (std::size_t i = 0; i < sizes.size(); ++i) zip.add("m/data/" + std::to_string(i), sizes[i]);
  std::ofstream out(path, std::ios::binary);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    out << zip.local_header(i, 5);
    out.seekp(static_cast<std::streamoff>(sizes[i]), std::ios::cur);
  }
  out << zip.directory();
  return zip.total_bytes();
}

TEST(ZipWriterTest, WritesBeyondFourGibibytes) {
  constexpr std::uint64_t kHuge = (std::uint64_t{4} << 30U) + 16;
  const testing::TempDir dir;
  for (const auto& sizes : std::vector<std::vector<std::uint64_t>>{
           {kHuge, 2, kHuge}, {0xFFFF'FFFE, 7}, {0xFFFF'FFFF, 7}, {0xFFFF'FF00, 7}}) {
    const auto path = dir / ("huge" + std::to_string(sizes.front()));
    const std::uint64_t total = write_holes(path, sizes);
    const auto file = MappedFile::open(path);
    EXPECT_EQ(file->bytes().size(), total);
    const Zip zip = parse_zip(file->bytes(), "huge");
    ASSERT_EQ(zip.entries.size(), sizes.size());
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      EXPECT_EQ(zip.entries[i].data.size(), sizes[i]);
      EXPECT_EQ(zip.entries[i].crc, 5U);
    }
  }
}

TEST(ZipWriterTest, WritesMoreEntriesThan16BitsCount) {
  const testing::TempDir dir;
  for (const std::size_t count : {std::size_t{65'534}, std::size_t{65'535}, std::size_t{70'000}}) {
    const auto path = dir / std::to_string(count);
    const std::uint64_t total = write_holes(path, std::vector<std::uint64_t>(count, 1));
    const auto file = MappedFile::open(path);
    EXPECT_EQ(file->bytes().size(), total);
    EXPECT_EQ(parse_zip(file->bytes(), "many").entries.size(), count);
  }
}

}  // namespace
}  // namespace weightlift
