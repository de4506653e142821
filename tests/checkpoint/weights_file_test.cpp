#include "weightlift/checkpoint/weights_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "weightlift/base/message.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::refusal;
using testing::TempDir;
using testing::write_file;
using Names = std::vector<std::string>;

std::string chosen(const Names& names, Loader loader) {
  return choose_weights_file(names, loader, "folder");
}

TEST(WeightsFileTest, TakesTheFirstOfTheKnownNames) {
  for (const Loader loader : {Loader::kTransformers, Loader::kTimm}) {
    EXPECT_EQ(chosen({"z.bin", "pytorch_model.bin", "model.safetensors"}, loader),
              "model.safetensors");
    EXPECT_EQ(chosen({"pytorch_model.bin", "model.safetensors.index.json"}, loader),
              "model.safetensors.index.json");
    EXPECT_EQ(chosen({"pytorch_model.bin.index.json", "pytorch_model.bin"}, loader),
              "pytorch_model.bin");
    EXPECT_EQ(chosen({"config.json"}, loader), "");
    EXPECT_EQ(chosen({}, loader), "");
  }
}

TEST(WeightsFileTest, OnlyTimmTakesOtherNames) {
  EXPECT_EQ(chosen({"model.pth", "pytorch_model.pth", "a.bin"}, Loader::kTimm),
            "pytorch_model.pth");
  EXPECT_EQ(chosen({"config.json", "best.pth.tar"}, Loader::kTimm), "best.pth.tar");
  EXPECT_EQ(chosen({"model.pth", "best.pth.tar"}, Loader::kTransformers), "");
  EXPECT_EQ(refusal<MismatchError>([] {
              chosen({"a.pth", "b.ckpt"}, Loader::kTimm);
            }),
            "folder: expected one weights file, got 2; advice(keep one of them, or convert that "
            "file itself)");
}

TEST(WeightsFileTest, FindsTheFileInAFolder) {
  const TempDir dir;
  write_file(dir / "config.json", "{}");
  EXPECT_EQ(refusal<NotFoundError>([&] { find_weights_file(dir.path(), Loader::kTransformers); }),
            dir.path().string() + ": model.safetensors or pytorch_model.bin not found");
  EXPECT_EQ(refusal<NotFoundError>([&] { find_weights_file(dir.path(), Loader::kTimm); }),
            dir.path().string() + ": no weights file found");
  write_file(dir / "epoch-9.ckpt", "");
  EXPECT_EQ(find_weights_file(dir.path(), Loader::kTimm), dir / "epoch-9.ckpt");
  write_file(dir / "pytorch_model.bin", "");
  EXPECT_EQ(find_weights_file(dir.path(), Loader::kTimm), dir / "pytorch_model.bin");
  fs::create_symlink("lost", dir / "model.safetensors");  // libraries skip a link to nothing
  EXPECT_EQ(find_weights_file(dir.path(), Loader::kTransformers), dir / "pytorch_model.bin");
}

TEST(WeightsFileTest, ReportsAFolderThatItCannotRead) {
  const TempDir dir;
  EXPECT_THAT(refusal<NotFoundError>([&] { find_weights_file(dir / "lost", Loader::kTimm); }),
              HasSubstr("lost: cannot read the folder: No such file"));
  fs::create_symlink("model.safetensors", dir / "model.safetensors");
  EXPECT_THAT(refusal<IoError>([&] { find_weights_file(dir.path(), Loader::kTimm); }),
              HasSubstr("model.safetensors: Too many levels of symbolic links"));
}

}  // namespace
}  // namespace weightlift
