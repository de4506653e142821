#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/support/notes.h"
#include "tests/support/temp_dir.h"
#include "weightlift/base/file.h"
#include "weightlift/checkpoint/sniff.h"
#include "weightlift/checkpoint/torch.h"

// torch.save wrote the files of tests/data/torch (make_torch_files.py); the manifest lists what
// torch.load finds in them.

namespace weightlift {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::told;

std::filesystem::path folder() { return std::filesystem::path(WEIGHTLIFT_TEST_DATA) / "torch"; }

TorchFile open(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  const bool zip = detect_format(file->bytes(), "file") == CheckpointFormat::kTorchZip;
  return zip ? parse_torch_zip(file->bytes(), file, "file")
             : parse_torch_legacy(file->bytes(), file, "file");
}

std::vector<std::filesystem::path> files() {
  std::vector<std::filesystem::path> found;
  for (const auto& item : std::filesystem::directory_iterator(folder())) {
    if (item.path().extension() != ".txt") found.push_back(item.path());
  }
  std::ranges::sort(found);
  return found;
}

std::string hex_of(std::span<const std::byte> bytes) {
  std::string out;
  for (const std::byte byte : bytes) out += fmt::format("{:02x}", static_cast<unsigned>(byte));
  return out;
}

TEST(TorchGoldenTest, ReadsWhatTorchReads) {
  std::string manifest;
  for (const auto& path : files()) {
    const TorchFile file = open(path);
    EXPECT_THAT(told(file.notes), IsEmpty()) << path;
    require_checksums(file);
    for (const TorchDict& dict : file.dicts) {
      for (const auto& [name, tensor] : load_state_dict(file, dict.id).tensors) {
        manifest += fmt::format("{}\t{}\t{}\t{}\t{}\t{}\n", path.filename().string(), dict.path,
                                nlohmann::json(name).dump(-1, ' ', true), to_string(tensor.dtype()),
                                nlohmann::json(tensor.shape()).dump(), hex_of(tensor.bytes()));
      }
    }
  }
  EXPECT_EQ(manifest, testing::read_file(folder() / "manifest.txt"));
}

TEST(TorchGoldenTest, NamesUnknownGlobals) {
  const TorchFile file = open(folder() / "training.ckpt");
  EXPECT_THAT(
      foreign_globals(file.pickle),
      ElementsAre("argparse.Namespace", "pathlib.PurePosixPath", "numpy._core.multiarray.scalar",
                  "numpy.dtype", "_codecs.encode", "__builtin__.list",
                  "numpy._core.multiarray._reconstruct", "numpy.ndarray", "__builtin__.bytes"));
  EXPECT_THAT(foreign_globals(open(folder() / "network.pth.tar").pickle), IsEmpty());
}

}  // namespace
}  // namespace weightlift
