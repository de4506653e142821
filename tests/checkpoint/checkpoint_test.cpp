#include "weightlift/checkpoint/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"
#include "weightlift/base/error.h"
#include "weightlift/checkpoint/safetensors_writer.h"

namespace weightlift {
namespace {

using ::testing::HasSubstr;

std::string refusal(const std::filesystem::path& path) {
  try {
    open_checkpoint(path);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(CheckpointTest, NamesWhatLiesInPlaceOfTheWeights) {
  const testing::TempDir dir;
  testing::write_file(dir / "lfs", "version https://git-lfs.github.com/spec/v1\noid sha256:00\n");
  testing::write_file(dir / "page", "<!DOCTYPE html><html></html>");
  testing::write_file(dir / "empty", "");
  EXPECT_THAT(refusal(dir / "lfs"), HasSubstr("git lfs pull"));
  EXPECT_THAT(refusal(dir / "page"), HasSubstr("HTML page"));
  EXPECT_THAT(refusal(dir / "empty"), HasSubstr("empty file"));
}

TEST(CheckpointTest, SavesTheShippedCheckpointAgainByteForByte) {
  const std::filesystem::path source =
      std::filesystem::path(WEIGHTLIFT_SOURCE_DIR) / "examples/digits/model.safetensors";
  const testing::TempDir dir;
  const Checkpoint checkpoint = open_checkpoint(source);
  std::vector<SafetensorsEntry> entries;
  for (const auto& [name, tensor] : checkpoint.tensors) {
    entries.push_back({name, tensor, tensor.dtype()});
  }
  write_safetensors(dir / "again.safetensors", entries, checkpoint.metadata);
  EXPECT_EQ(testing::read_file(dir / "again.safetensors"), testing::read_file(source));
}

}  // namespace
}  // namespace weightlift
