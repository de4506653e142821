#include "weightlift/convert/source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/convert/job.h"
#include "tests/support/notes.h"
#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "tests/support/timm_checkpoint.h"
#include "weightlift/base/error.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::refusal;
using testing::small_checkpoint;
using testing::TempDir;
using testing::TimmCheckpoint;
using testing::told;
using testing::write_file;

Source open(const fs::path& path) { return open_source(path.string()); }

TEST(SourceTest, OpensATimmFolder) {
  const TempDir dir;
  small_checkpoint().write_folder(dir / "small");
  const Source source = open(dir / "small");
  EXPECT_EQ(source.kind, SourceKind::kTimmFolder);
  EXPECT_EQ(source.timm->architecture, "resnet18");
  EXPECT_EQ(source.config.num_labels, 5);
  EXPECT_EQ(source.counters_added, 0);
  EXPECT_EQ(input_shape(source), (Shape{1, 3, 32, 32}));
}

TEST(SourceTest, OpensATransformersFolder) {
  const TempDir dir;
  small_checkpoint().write_folder(dir / "small");
  testing::run(testing::request_for(dir / "small", dir / "out"));
  const Source source = open(dir / "out/small");
  EXPECT_EQ(source.kind, SourceKind::kTransformersFolder);
  EXPECT_EQ(source.timm, std::nullopt);
  EXPECT_EQ(source.config.num_labels, 5);
  EXPECT_EQ(input_shape(source), (Shape{1, 3, 224, 224}));
}

TEST(SourceTest, OpensALoneFile) {
  const TempDir dir;
  small_checkpoint().write_file(dir / "best.pth.tar");
  const Source source = open(dir / "best.pth.tar");
  EXPECT_EQ(source.kind, SourceKind::kFile);
  EXPECT_THAT(told(source.notes), Contains(EndsWith("best.pth.tar: no-config")));
}

TEST(SourceTest, SuggestsANameWhereOneMayFit) {
  const TempDir dir;
  ResNetConfig network = small_checkpoint().network;
  network.num_labels = 1000;  // timm's names have as many or more
  testing::make_timm_checkpoint(network, "resnet18").write_file(dir / "best.safetensors");
  EXPECT_THAT(told(open(dir / "best.safetensors").notes),
              Contains(EndsWith("best.safetensors: no-config; give-architecture()")));
}

TEST(SourceTest, FindsTheWeightsThatTimmTakes) {
  const TempDir dir;
  TimmCheckpoint checkpoint = small_checkpoint();
  checkpoint.write_folder(dir / "f");
  fs::rename(dir / "f/model.safetensors", dir / "f/weights.ckpt");
  EXPECT_EQ(find_source_weights((dir / "f").string()), dir / "f/weights.ckpt");
  write_file(dir / "f/pytorch_model.bin", "");
  EXPECT_EQ(find_source_weights((dir / "f").string()), dir / "f/pytorch_model.bin");
  write_file(dir / "f/model.safetensors", "");
  EXPECT_EQ(find_source_weights((dir / "f").string()), dir / "f/model.safetensors");
}

TEST(SourceTest, RefusesAModelNameForAFolder) {
  const TempDir dir;
  small_checkpoint().write_folder(dir / "small");
  EXPECT_THAT(
      refusal<UsageError>([&] { open_source((dir / "small").string(), {.as = "resnet18"}); }),
      HasSubstr("as: expected a lone weights file, got a timm folder with config.json"));
}

TEST(SourceTest, LimitsTheInputSize) {
  const TempDir dir;
  TimmCheckpoint checkpoint = small_checkpoint();
  checkpoint.config_json = testing::merged(checkpoint.config_json,
                                           R"({"pretrained_cfg": {"input_size": [3, 4096, 17]}})");
  checkpoint.write_folder(dir / "large");
  EXPECT_EQ(input_shape(open(dir / "large")), (Shape{1, 3, 1024, 17}));
}

TEST(SourceTest, RefusesNamesThatAreNotLocal) {
  EXPECT_EQ(refusal<NotFoundError>([] { open_source("resnet50"); }),
            "resnet50: no such file or folder");
}

}  // namespace
}  // namespace weightlift
