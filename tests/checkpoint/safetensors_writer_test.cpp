#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <limits>
#include <random>

#include "tests/checkpoint/parse.h"
#include "tests/support/refusal.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/temp_dir.h"
#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint.h"
#include "weightlift/tensor/compare.h"
#include "weightlift/tensor/convert.h"

namespace weightlift {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::read_file;

OutputTensor entry(std::string name, Tensor tensor) {
  const DType dtype = tensor.dtype();
  return {std::move(name), std::move(tensor), dtype};
}

Tensor tensor_of_bytes(DType dtype, Shape shape, std::string bytes) {
  const auto owner = std::make_shared<const std::string>(std::move(bytes));
  return Tensor::view(dtype, std::move(shape), std::as_bytes(std::span(*owner)), owner);
}

/// The error of class `Kind` that refuses these entries.
template <class Kind = FormatError>
std::string refusal(const std::vector<OutputTensor>& entries,
                    const SafetensorsMetadata& metadata = {}) {
  const testing::TempDir dir;
  const std::string message =
      testing::refusal<Kind>([&] { write_safetensors(dir / "out", entries, metadata); });
  EXPECT_FALSE(std::filesystem::exists(dir / "out"));
  EXPECT_THAT(message, ::testing::StartsWith((dir / "out").string() + ": "));
  return message;
}

TEST(SafetensorsWriterTest, SortsByDescendingDTypeThenByName) {
  const testing::TempDir dir;
  write_safetensors(dir / "out",
                    {entry("conv1.weight", Tensor::of<float>({1, 1, 1, 1}, {1})),
                     entry("bn1.weight", Tensor::of<float>({1}, {2})),
                     entry("bn1.num_batches_tracked", Tensor::of<std::int64_t>({}, {3}))},
                    {{"format", "pt"}});
  const std::string written = read_file(dir / "out");
  const std::string header =
      R"({"__metadata__":{"format":"pt"},"bn1.num_batches_tracked":{"dtype":"I64","shape":[],)"
      R"("data_offsets":[0,8]},"bn1.weight":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},)"
      R"("conv1.weight":{"dtype":"F32","shape":[1,1,1,1],"data_offsets":[12,16]}})";
  EXPECT_EQ(written.substr(8, header.size()), header);
  EXPECT_EQ(written.substr(0, 8), std::string("\xF8\0\0\0\0\0\0\0", 8));
  EXPECT_EQ(written.size(), 8U + 0xF8U + 16U);
}

TEST(SafetensorsWriterTest, SortsMetadataByKey) {
  const testing::TempDir dir;
  write_safetensors(dir / "out", {}, {{"b", "2"}, {"a", "1"}});
  EXPECT_THAT(read_file(dir / "out"), HasSubstr(R"({"__metadata__":{"a":"1","b":"2"}})"));
}

TEST(SafetensorsWriterTest, WritesNoTensorsAsAnEmptyObject) {
  const testing::TempDir dir;
  write_safetensors(dir / "out", {}, {});
  EXPECT_EQ(read_file(dir / "out"), std::string("\x08\0\0\0\0\0\0\0{}      ", 16));
}

TEST(SafetensorsWriterTest, RefusesNamesThatReadersLose) {
  const Tensor one = Tensor::of<float>({1}, {1});
  EXPECT_THAT(refusal({entry("", one)}), HasSubstr("tensor '': expected a name that is not empty"));
  EXPECT_THAT(refusal({entry("__metadata__", one)}), HasSubstr("other than __metadata__"));
  EXPECT_THAT(refusal({entry(std::string("a\0b", 3), one)}),
              HasSubstr("tensor 'a\\x00b': expected a name without NUL"));
  EXPECT_THAT(refusal({entry("a", one), entry("b", one), entry("a", one)}),
              HasSubstr("tensor 'a': duplicate name"));
  EXPECT_THAT(refusal({entry("\xFF", one)}), HasSubstr("expected a name in UTF-8"));
  EXPECT_THAT(refusal({}, {{"a", "1"}, {"a", "2"}}), HasSubstr("__metadata__: duplicate key 'a'"));
  EXPECT_THAT(refusal({}, {{"a", "\xFF"}}), HasSubstr("__metadata__: '\\xff' is not UTF-8"));
}

TEST(SafetensorsWriterTest, RefusesAHeaderThatNoReaderAccepts) {
  const std::string value(100'000'000, 'x');
  EXPECT_THAT(refusal({}, {{"a", value}}),
              HasSubstr("header: expected at most 100000000 bytes, got 100000032"));
}

TEST(SafetensorsWriterTest, RefusesAConversionThatDoesNotExist) {
  EXPECT_THAT(
      refusal<UnsupportedError>({{"n", Tensor::of<std::int64_t>({1}, {1}), DType::F32}}),
      HasSubstr("tensor 'n': cannot convert I64 to F32: only F16, BF16, F32 and F64 can be"));
}

TEST(SafetensorsWriterTest, ConvertsWhileItWrites) {
  // More elements than the buffer holds, so that there are several pieces.
  std::vector<float> values(700'001);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) * 0.37F;
  const Tensor tensor = Tensor::of<float>({700'001}, values);
  const testing::TempDir dir;
  write_safetensors(
      dir / "out",
      {{"h", tensor, DType::F16}, {"b", tensor, DType::BF16}, {"d", tensor, DType::F64}}, {});
  const SafetensorsFile written = testing::parse(read_file(dir / "out"));
  for (const auto& [name, dtype] :
       {std::pair("h", DType::F16), {"b", DType::BF16}, {"d", DType::F64}}) {
    EXPECT_TRUE(bit_equal(written.tensors.at(name), to_dtype(tensor, dtype))) << name;
  }
}

TEST(SafetensorsWriterTest, KnowsTheSizeAndReportsProgressUpToIt) {
  const std::vector<OutputTensor> entries = {
      entry("big", Tensor::of<float>({3'000'000}, std::vector<float>(3'000'000, 1.0F))),
      entry("small", Tensor::of<float>({3}, {1, 2, 3}))};
  const testing::TempDir dir;
  std::vector<std::uint64_t> seen;
  const std::uint64_t size = safetensors_file_bytes(entries, {{"format", "pt"}});
  write_safetensors(dir / "out", entries, {{"format", "pt"}},
                    [&](std::uint64_t done, std::uint64_t total) {
                      EXPECT_EQ(total, size);
                      seen.push_back(done);
                    });
  EXPECT_TRUE(std::ranges::is_sorted(seen));
  EXPECT_GE(seen.size(), 4U);
  EXPECT_EQ(seen.back(), size);
  EXPECT_EQ(std::filesystem::file_size(dir / "out"), size);
}

TEST(SafetensorsWriterTest, StopsWhereProgressThrows) {
  const testing::TempDir dir;
  const std::vector<OutputTensor> entries = {
      entry("big", Tensor::of<float>({3'000'000}, std::vector<float>(3'000'000, 1.0F)))};
  EXPECT_THROW(write_safetensors(dir / "out", entries, {},
                                 [](std::uint64_t, std::uint64_t) { throw Interrupted(2); }),
               Interrupted);
}

TEST(SafetensorsWriterTest, NeverTouchesAnExistingFile) {
  const testing::TempDir dir;
  testing::write_file(dir / "out", "mine");
  EXPECT_EQ(testing::refusal<ExistsError>([&] { write_safetensors(dir / "out", {}, {}); }),
            (dir / "out").string() + ": cannot create: File exists");
  EXPECT_EQ(read_file(dir / "out"), "mine");
}

TEST(SafetensorsWriterTest, ReportsTheNeededSpaceWhereTheDiskIsFull) {
  // A limit of the process on file sizes replaces a full disk: write(2) fails half-way.
  const testing::TempDir dir;
  const std::vector<OutputTensor> entries = {
      entry("big", Tensor::of<float>({3'000'000}, std::vector<float>(3'000'000, 1.0F)))};
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = 5'000'000, .rlim_max = before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  std::string message;
  try {
    write_safetensors(dir / "out", entries, {});
  } catch (const IoError& error) {
    message = error.what();
  }
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(message, (dir / "out").string() + ": cannot write 12000080 bytes: File too large");
}

TEST(SafetensorsWriterTest, ObeysTheUmask) {
  const testing::TempDir dir;
  const mode_t before = ::umask(0027);
  write_safetensors(dir / "out", {}, {});
  ::umask(before);
  struct stat status {};
  ASSERT_EQ(::stat((dir / "out").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0640U);
}

/// Random entries of all dtypes and ranks 0 to 4, some of them empty, with names of all kinds of
/// characters.
class RandomFile {
 public:
  explicit RandomFile(std::uint64_t seed) : random_(seed) {}

  std::vector<OutputTensor> entries() {
    std::vector<OutputTensor> made;
    const int count = below(12);
    for (int i = 0; i < count; ++i) made.push_back(entry(name(i), tensor()));
    std::ranges::shuffle(made, random_);
    return made;
  }

 private:
  int below(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }

  std::string name(int number) {
    static constexpr std::array<const char*, 10> kPieces = {
        "a", "B", ".", "\"", "\\", "\n", "\x01", "\x7F", "\xC3\xA9", "\xF0\x9F\x98\x80"};
    std::string made;
    for (int i = below(6); i > 0; --i) made += kPieces.at(static_cast<std::size_t>(below(10)));
    return made + std::to_string(number);
  }

  Tensor tensor() {
    const auto dtype = static_cast<DType>(below(static_cast<int>(DType::U64) + 1));
    Shape shape;
    for (int i = below(5); i > 0; --i) shape.push_back(below(5));
    std::string bytes(static_cast<std::size_t>(numel(shape)) * item_bytes(dtype), '\0');
    std::ranges::generate(bytes, [&] { return static_cast<char>(random_()); });
    return tensor_of_bytes(dtype, std::move(shape), std::move(bytes));
  }

  std::mt19937_64 random_;
};

TEST(SafetensorsPropertyTest, ReadsBackItsFilesAndWritesTheSameAgain) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  RandomFile random(seed);
  const testing::TempDir dir;
  for (int round = 0; round < 200; ++round) {
    const auto entries = random.entries();
    const auto path = dir / ("a" + std::to_string(round));
    write_safetensors(path, entries, {{"format", "pt"}});
    const SafetensorsFile read = load_safetensors(MappedFile::open(path));
    ASSERT_EQ(read.tensors.size(), entries.size());
    std::vector<OutputTensor> again;
    for (const OutputTensor& written : entries) {
      const Tensor& tensor = read.tensors.at(written.name);
      ASSERT_TRUE(bit_equal(tensor, written.tensor)) << written.name;
      again.push_back(entry(written.name, tensor));
    }
    std::ranges::reverse(again);
    const auto second = dir / ("b" + std::to_string(round));
    write_safetensors(second, again, read.metadata);
    ASSERT_EQ(read_file(second), read_file(path));
  }
}

}  // namespace
}  // namespace weightlift
