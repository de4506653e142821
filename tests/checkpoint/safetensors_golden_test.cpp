#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/support/temp_dir.h"
#include "weightlift/base/digest.h"
#include "weightlift/checkpoint.h"
#include "weightlift/checkpoint/safetensors.h"

// The safetensors package and transformers wrote the files of tests/data/safetensors
// (make_safetensors.py); the manifest lists what the real reader finds in them.

namespace weightlift {
namespace {

std::filesystem::path folder() {
  return std::filesystem::path(WEIGHTLIFT_TEST_DATA) / "safetensors";
}

std::vector<std::filesystem::path> files() {
  std::vector<std::filesystem::path> found;
  for (const auto& item : std::filesystem::directory_iterator(folder())) {
    if (item.path().extension() == ".safetensors") found.push_back(item.path());
  }
  std::ranges::sort(found);
  return found;
}

std::string hex_of(std::span<const std::byte> bytes) {
  std::string out;
  for (const std::byte byte : bytes) out += fmt::format("{:02x}", static_cast<unsigned>(byte));
  return out;
}

TEST(SafetensorsGoldenTest, ReadsWhatTheRealReaderReads) {
  constexpr std::size_t kLongestInHex = 64;
  std::string manifest;
  for (const auto& path : files()) {
    const SafetensorsFile file = load_safetensors(MappedFile::open(path));
    for (const auto& [name, tensor] : file.tensors) {
      const auto bytes = tensor.bytes();
      manifest +=
          fmt::format("{}\t{}\t{}\t{}\t{}\n", path.filename().string(),
                      nlohmann::json(name).dump(-1, ' ', true), to_string(tensor.dtype()),
                      nlohmann::json(tensor.shape()).dump(),
                      bytes.size() <= kLongestInHex ? hex_of(bytes) : "sha256:" + sha256(bytes));
    }
  }
  EXPECT_EQ(manifest, testing::read_file(folder() / "manifest.txt"));
}

TEST(SafetensorsGoldenTest, WritesTheSameBytesAsTheRealWriter) {
  ASSERT_GE(files().size(), 8U);
  const testing::TempDir dir;
  for (const auto& path : files()) {
    const SafetensorsFile file = load_safetensors(MappedFile::open(path));
    std::vector<OutputTensor> entries = output_tensors(file.tensors);
    std::ranges::sort(entries, std::ranges::greater{}, &OutputTensor::name);
    const auto written = dir / path.filename().string();
    write_safetensors(written, entries, file.metadata);
    EXPECT_EQ(testing::read_file(written), testing::read_file(path)) << path;
  }
}

}  // namespace
}  // namespace weightlift
