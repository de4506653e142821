#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tests/checkpoint/golden.h"
#include "tests/checkpoint/torch_builder.h"
#include "tests/support/notes.h"
#include "tests/support/refusal.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/temp_dir.h"
#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/checkpoint/checkpoint.h"
#include "weightlift/tensor/compare.h"

namespace weightlift {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using testing::text;
using testing::told;
using namespace std::string_literals;

/// Bytes at a place `shift` bytes after a multiple of 8.
struct Placed {
  std::shared_ptr<const std::vector<std::byte>> owner;
  std::span<const std::byte> bytes;
};

Placed place(const std::string& content, std::size_t shift = 0) {
  auto room = std::make_shared<std::vector<std::byte>>(content.size() + shift);
  std::ranges::copy(std::as_bytes(std::span(content)),
                    room->begin() + static_cast<std::ptrdiff_t>(shift));
  const std::span<const std::byte> all(*room);
  return {std::move(room), all.subspan(shift)};
}

/// A file of one format, under the ending that is usual for it.
struct Case {
  std::string name;
  std::string file;
  std::string content;
};

void PrintTo(const Case& of, std::ostream* out) { *out << of.name; }

std::string training_checkpoint() {
  return testing::torch_zip(
      "}(" + text("arch") + text("resnet18") + text("epoch") + "K\1"s + text("model") +
          testing::ordered_dict(text("a") + testing::float_tensor(4, 0, {4}, {1}) + text("turned") +
                                testing::float_tensor(4, 0, {2, 2}, {1, 2})) +
          "u",
      {testing::counting_floats(4)});
}

std::vector<Case> cases() {
  return {
      {"Safetensors", "m.safetensors",
       testing::safetensors_with(R"({"__metadata__":{"made":"here"},"t":)" +
                                     testing::raw_entry("\"F32\"", "[2]", "[0,8]") + "}",
                                 8)},
      {"TorchZip", "m.pth", testing::golden_zip()},
      {"TorchLegacy", "m.pth", testing::golden_legacy() + "more"},
      {"Training", "m.pth", training_checkpoint()},
  };
}

void expect_equal(const StateDict& got, const StateDict& expected) {
  ASSERT_EQ(name_tensors(got).names, name_tensors(expected).names);
  for (const auto& [name, tensor] : expected) {
    EXPECT_TRUE(bit_equal(got.at(name), tensor)) << name;
  }
}

class MemoryTest : public ::testing::TestWithParam<Case> {
 protected:
  const testing::TempDir dir_;
  const std::filesystem::path path_ = dir_ / GetParam().file;
  const std::string& content() const { return GetParam().content; }
};

TEST_P(MemoryTest, EqualsTheFile) {
  testing::write_file(path_, content());
  const Checkpoint file = open_checkpoint(path_);
  // Odd addresses also: a caller may have the bytes inside of others.
  for (const std::size_t shift : {std::size_t{0}, std::size_t{1}, std::size_t{3}}) {
    const Placed placed = place(content(), shift);
    const Checkpoint memory = open_checkpoint(placed.bytes, placed.owner, shown(path_));
    EXPECT_EQ(memory.format, file.format);
    EXPECT_EQ(memory.where, file.where);
    EXPECT_EQ(memory.path, "");
    EXPECT_EQ(memory.notes, file.notes);
    EXPECT_EQ(memory.metadata, file.metadata);
    EXPECT_EQ(memory.arch, file.arch);
    EXPECT_EQ(size_bytes(memory), content().size());
    ASSERT_EQ(memory.files.size(), 1U);
    EXPECT_EQ(memory.files.front().bytes.data(), placed.bytes.data());
    ASSERT_EQ(memory.dicts.size(), file.dicts.size());
    for (std::size_t i = 0; i < file.dicts.size(); ++i) {
      const LoadedDict got = load_dict(memory, i), expected = load_dict(file, i);
      EXPECT_EQ(got.ignored, expected.ignored);
      expect_equal(got.tensors, expected.tensors);
      expect_equal(list_tensors(memory, i), list_tensors(file, i));
    }
    require_intact(memory);
    require_checksums(memory);
  }
}

TEST_P(MemoryTest, TensorsKeepTheBytesAlive) {
  std::weak_ptr<const std::vector<std::byte>> watched;
  StateDict tensors;
  {
    Placed placed = place(content());
    watched = placed.owner;
    const Checkpoint checkpoint = open_checkpoint(placed.bytes, std::move(placed.owner));
    const std::size_t last = checkpoint.dicts.size() - 1;
    tensors = load_dict(checkpoint, last).tensors;
    EXPECT_EQ(tensors.begin()->second.owner(), checkpoint.files.front().owner);
  }
  ASSERT_FALSE(tensors.empty());
  EXPECT_FALSE(watched.expired());
  const Tensor first = tensors.begin()->second;
  tensors = {};
  EXPECT_FALSE(watched.expired()) << "one tensor suffices";
  EXPECT_TRUE(bit_equal(first, first.aligned()));
}

TEST_P(MemoryTest, NothingKeepsTheBytesAfterTheLastTensor) {
  std::weak_ptr<const std::vector<std::byte>> watched;
  {
    Placed placed = place(content());
    watched = placed.owner;
    load_dict(open_checkpoint(placed.bytes, std::move(placed.owner)), 0);
  }
  EXPECT_TRUE(watched.expired());
}

TEST_P(MemoryTest, OpensBytesThatTheCallerKeeps) {
  const Placed placed = place(content());
  const Checkpoint checkpoint = open_checkpoint(placed.bytes);
  EXPECT_EQ(placed.owner.use_count(), 1);
  EXPECT_EQ(checkpoint.where, "bytes in memory");
  EXPECT_FALSE(load_dict(checkpoint, checkpoint.dicts.size() - 1).tensors.empty());
}

TEST_P(MemoryTest, RefusesDamageWithTheGivenName) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{5}, content().size() / 2}) {
    const Placed placed = place(content().substr(0, size));
    EXPECT_THAT(
        testing::refusal<Error>([&] { open_checkpoint(placed.bytes, placed.owner, "upload 7"); }),
        StartsWith("upload 7: "))
        << size;
    EXPECT_THAT(testing::refusal<Error>([&] { open_checkpoint(placed.bytes, nullptr); }),
                StartsWith("bytes in memory: "));
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, MemoryTest, ::testing::ValuesIn(cases()),
                         [](const auto& test) { return test.param.name; });

TEST(MemoryFormatTest, ReadsNoElementsForMetadataAlone) {
  const Placed placed = place(training_checkpoint());
  const Checkpoint listed =
      open_checkpoint(placed.bytes, placed.owner, "memory", Reading::kMetadataOnly);
  const Tensor turned = load_dict(listed, 1).tensors.at("turned");
  EXPECT_THAT(turned.data<float>(), ::testing::ElementsAre(0, 0, 0, 0));
}

TEST(MemoryFormatTest, KeepsWhatANullPointerOwns) {
  // An aliased shared_ptr may hold its owner and point to nothing.
  auto owner = std::make_shared<const std::string>(testing::golden_zip());
  const std::weak_ptr<const std::string> watched = owner;
  const auto bytes = std::as_bytes(std::span(*owner));
  std::shared_ptr<const void> alias(std::move(owner), nullptr);
  const Checkpoint checkpoint = open_checkpoint(bytes, std::move(alias));
  EXPECT_FALSE(watched.expired());
  EXPECT_EQ(load_dict(checkpoint, 0).tensors.at("w").numel(), 2);
}

TEST(MemoryFormatTest, NotesNothingOnTheEndingOfAName) {
  const Placed placed = place(testing::golden_zip());
  EXPECT_THAT(told(open_checkpoint(placed.bytes, placed.owner, "m.safetensors").notes), IsEmpty());
}

TEST(MemoryFormatTest, ShowsTheNameOnOneLine) {
  const Placed placed = place("plain text");
  EXPECT_THAT(testing::refusal<FormatError>(
                  [&] { open_checkpoint(placed.bytes, placed.owner, "a\nb\x1B[2J"); }),
              StartsWith("a\\x0ab\\x1b[2J: not a checkpoint but plain text"));
}

TEST(MemoryFormatTest, FindsDamageByChecksums) {
  std::string content = testing::golden_zip();
  content[content.find(testing::golden_storage())] = '\1';
  const Placed placed = place(content);
  const Checkpoint checkpoint = open_checkpoint(placed.bytes, placed.owner, "upload");
  EXPECT_THAT(
      testing::refusal<FormatError>([&] { require_checksums(checkpoint); }),
      HasSubstr("upload: zip: entry 'archive/data/0' is damaged: expected CRC-32 c3872656"));
}

TEST(MemoryFormatTest, RefusesAnIndexOfShards) {
  const Placed placed = place(R"({"metadata": {}, "weight_map": {"a": "1.safetensors"}})");
  EXPECT_THAT(testing::refusal<UnsupportedError>(
                  [&] { open_checkpoint(placed.bytes, placed.owner, "upload"); }),
              HasSubstr("upload: unsupported: an index of shards in memory; advice(open the index "
                        "by its path"));
}

TEST(MemoryFormatTest, NamesOtherFormats) {
  const Placed placed = place("GGUF\x03\0\0\0"s);
  EXPECT_THAT(testing::refusal<UnsupportedError>(
                  [&] { open_checkpoint(placed.bytes, placed.owner, "upload"); }),
              HasSubstr("upload: unsupported format: a GGUF file"));
}

TEST(MemoryFormatTest, AnEmptyCheckpointHasNothing) {
  const Checkpoint none;
  EXPECT_EQ(size_bytes(none), 0U);
  require_intact(none);
  require_checksums(none);
  require_layer_tensors(none);
  EXPECT_THAT(testing::refusal<UsageError>([&] { load_dict(none, 0); }), HasSubstr("has 0 dicts"));
}

}  // namespace
}  // namespace weightlift
