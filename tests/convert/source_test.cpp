#include "weightlift/convert/source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/convert/job.h"
#include "tests/support/notes.h"
#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "tests/support/timm_checkpoint.h"
#include "weightlift/base/message.h"
#include "weightlift/tensor/convert.h"

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
  EXPECT_THAT(told(source.notes), Contains(EndsWith("best.pth.tar: no-config family='ResNet'")));
}

TEST(SourceTest, SuggestsANameWhereOneMayFit) {
  const TempDir dir;
  ResNetConfig network = small_checkpoint().network;
  network.num_labels = 1000;  // timm's names have as many or more
  testing::make_timm_checkpoint(network, "resnet18").write_file(dir / "best.safetensors");
  EXPECT_THAT(
      told(open(dir / "best.safetensors").notes),
      Contains(EndsWith("best.safetensors: no-config family='ResNet'; give-architecture()")));
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

/// The message for the file in `dir` with this config.json.
std::string refusal_with_config(const TempDir& dir, const std::string& config) {
  write_file(dir / "given.json", config);
  return refusal<Error>([&] {
    open_source((dir / "w.safetensors").string(), {.config = (dir / "given.json").string()});
  });
}

TEST(SourceTest, TakesFromAGivenConfigWhatTensorsDoNotShow) {
  const TempDir dir;
  const TimmCheckpoint checkpoint = small_checkpoint(LayerType::kBottleneck);
  checkpoint.write_file(dir / "w.safetensors");
  ResNetConfig stated = checkpoint.network;
  stated.downsample_in_bottleneck = true;
  stated.hidden_act = Activation::kGelu;
  stated.id2label = {{0, "a"}, {1, "b"}, {2, "c"}, {3, "d"}, {4, "e"}};
  EXPECT_EQ(refusal_with_config(dir, to_config_json(stated)), "accepted");
  const Source source =
      open_source((dir / "w.safetensors").string(), {.config = (dir / "given.json").string()});
  EXPECT_EQ(source.kind, SourceKind::kFile);
  const ResNetConfig taken =
      parse_resnet_config(source.network->transformers_config(source.config), "taken");
  EXPECT_TRUE(taken.downsample_in_bottleneck);
  EXPECT_EQ(taken.hidden_act, Activation::kGelu);
  EXPECT_EQ(source.config.label(4), "e");
  EXPECT_THAT(told(source.notes), ::testing::Not(Contains(HasSubstr("no-config"))));
  stated.depths = {1, 1, 1, 1};
  EXPECT_THAT(refusal_with_config(dir, to_config_json(stated)),
              EndsWith("given.json: depths is [1, 1, 1, 1], but the tensors have [1, 2, 1, 1]"));
  EXPECT_THAT(refusal_with_config(dir, R"({"model_type": "vit"})"),
              HasSubstr("unsupported model_type 'vit'"));
  EXPECT_EQ(refusal_with_config(dir, checkpoint.config_json), "accepted");
  EXPECT_THAT(refusal_with_config(
                  dir, testing::merged(checkpoint.config_json, R"({"architecture": "resnet18"})")),
              HasSubstr("given.json: layer type of resnet18: expected basic, got bottleneck"));
}

TEST(SourceTest, RefusesAConfigForAFolderThatHasOne) {
  const TempDir dir;
  small_checkpoint().write_folder(dir / "small");
  const std::string config = (dir / "small/config.json").string();
  EXPECT_THAT(
      refusal<UsageError>([&] { open_source((dir / "small").string(), {.config = config}); }),
      HasSubstr("small has its own config.json"));
  fs::rename(dir / "small/config.json", dir / "given.json");
  const Source source =
      open_source((dir / "small").string(), {.config = (dir / "given.json").string()});
  EXPECT_EQ(source.timm->architecture, "resnet18");
}

TEST(SourceTest, ReadsWeightsOfSeveralDtypes) {
  const TempDir dir;
  TimmCheckpoint checkpoint = small_checkpoint();
  checkpoint.tensors["conv1.weight"] = to_dtype(checkpoint.tensors["conv1.weight"], DType::F16);
  checkpoint.tensors["fc.bias"] = to_dtype(checkpoint.tensors["fc.bias"], DType::F64);
  checkpoint.write_file(dir / "w.safetensors");
  const Source source = open(dir / "w.safetensors");
  EXPECT_EQ(source.config.dtype, DType::F32);
  EXPECT_THAT(told(source.notes),
              Contains(EndsWith("dtypes-mixed dtypes='float16 (1), float32 (70), "
                                "float64 (1)' dtype='float32'")));
}

TEST(SourceTest, WarnsOfWeightsThatEndInZeros) {
  const TempDir dir;
  TimmCheckpoint checkpoint = small_checkpoint();
  checkpoint.write_file(dir / "w.safetensors");
  std::string bytes = testing::read_file(dir / "w.safetensors");
  const auto tail = [&](std::size_t zeros) {
    std::string damaged = bytes;
    damaged.replace(damaged.size() - zeros, zeros, zeros, '\0');
    write_file(dir / "w.safetensors", damaged);
    return told(open(dir / "w.safetensors").notes);
  };
  EXPECT_THAT(tail(0), ::testing::Not(Contains(HasSubstr("zero-tail"))));
  EXPECT_THAT(tail(1000), ::testing::Not(Contains(HasSubstr("zero-tail"))));
  EXPECT_THAT(tail(50'000), Contains(HasSubstr("w.safetensors: zero-tail tensor='layer")));
}

TEST(SourceTest, NamesFoldersOfOtherTools) {
  const TempDir dir;
  const auto message = [&](const char* entry) {
    const fs::path folder = dir / "folder";
    fs::remove_all(folder);
    fs::create_directories((folder / entry).parent_path());
    write_file(folder / entry, "");
    return refusal<Error>([&] { open(folder); });
  };
  EXPECT_THAT(message("__0_0.distcp"), HasSubstr("a distributed checkpoint"));
  EXPECT_THAT(message(".metadata"), HasSubstr("dcp_to_torch"));
  EXPECT_THAT(message("data.pkl"), HasSubstr("an unpacked torch file"));
  EXPECT_THAT(message("saved_model.pb"), HasSubstr("a TensorFlow SavedModel"));
  EXPECT_THAT(message("checkpoint-500/config.json"),
              HasSubstr("config.json not found; advice(use one of the model folders in it: "
                        "checkpoint-500)"));
  EXPECT_THAT(message("weights.pth"), HasSubstr("convert the weights file itself"));
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
