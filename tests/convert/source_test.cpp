#include "weightlift/convert/source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/convert/job.h"
#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "tests/support/timm_checkpoint.h"
#include "weightlift/base/error.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using testing::refusal;
using testing::small_checkpoint;
using ::testing::StartsWith;
using testing::TempDir;
using testing::TimmCheckpoint;
using testing::write_file;

Source open(const fs::path& path) { return open_source(path.string(), std::nullopt); }

template <class Kind>
std::string refusal_of_name(const std::string& name) {
  return refusal<Kind>([&] { open_source(name, std::nullopt); });
}

TEST(SourceTest, IsAFolderOfTimm) {
  const TempDir dir;
  small_checkpoint().write_folder(dir / "small");
  const Source source = open(dir / "small");
  EXPECT_EQ(source.kind, SourceKind::kTimmFolder);
  EXPECT_EQ(source.last_part, "small");
  EXPECT_EQ(source.timm->architecture, "resnet18");
  EXPECT_EQ(source.config.num_labels, 5);
  EXPECT_EQ(source.counters_added, 0);
  EXPECT_EQ(input_shape(source), (Shape{1, 3, 32, 32}));
}

TEST(SourceTest, IsAFolderOfTransformers) {
  const TempDir dir;
  small_checkpoint().write_folder(dir / "small");
  testing::run(testing::request_for(dir / "small", dir / "out"));
  const Source source = open(dir / "out/small");
  EXPECT_EQ(source.kind, SourceKind::kTransformersFolder);
  EXPECT_EQ(source.timm, std::nullopt);
  EXPECT_EQ(source.config.num_labels, 5);
  EXPECT_EQ(input_shape(source), (Shape{1, 3, 224, 224}));
}

TEST(SourceTest, IsALoneFile) {
  const TempDir dir;
  small_checkpoint().write_file(dir / "best.pth.tar");
  const Source source = open(dir / "best.pth.tar");
  EXPECT_EQ(source.kind, SourceKind::kFile);
  EXPECT_EQ(source.last_part, "best");
  EXPECT_THAT(source.notes, Contains(HasSubstr("assumed plain, ReLU, strides of timm; --as NAME")));
}

TEST(SourceTest, TakesTheWeightsThatTimmTakes) {
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

TEST(SourceTest, KnowsFoldersBySlashesAndDots) {
  const TempDir dir;
  small_checkpoint().write_folder(dir / "small");
  EXPECT_EQ(open((dir / "small").string() + "/").last_part, "small");
  EXPECT_EQ(open(dir / "small/../small/.").last_part, "small");
}

TEST(SourceTest, AFolderNeedsNoNameBesides) {
  const TempDir dir;
  small_checkpoint().write_folder(dir / "small");
  EXPECT_THAT(refusal<UsageError>([&] { open_source((dir / "small").string(), "resnet18"); }),
              HasSubstr("--as: expected a lone weights file, got a folder"));
}

TEST(SourceTest, AnInputSizeIsBounded) {
  const TempDir dir;
  TimmCheckpoint checkpoint = small_checkpoint();
  checkpoint.config_json = testing::merged(checkpoint.config_json,
                                           R"({"pretrained_cfg": {"input_size": [3, 4096, 17]}})");
  checkpoint.write_folder(dir / "large");
  EXPECT_EQ(input_shape(open(dir / "large")), (Shape{1, 3, 1024, 17}));
}

TEST(SourceNameTest, OfTheHubNeedTheHub) {
  for (const char* name : {"resnet50", "resnet50.tv_in1k", "tv_resnet34", "gluon_resnet18_v1b"}) {
    EXPECT_THAT(
        refusal_of_name<HubError>(name),
        AllOf(StartsWith(std::string(name) + ": no such file or folder here, and as a name of "
                                             "timm's registry it is on the Hub"),
              HasSubstr("fetching from the Hub is not there yet, give a local folder")));
  }
  EXPECT_THAT(refusal_of_name<HubError>("hf-hub:timm/resnet18.a1_in1k"),
              HasSubstr("fetching from the Hub is not there yet"));
  EXPECT_THAT(refusal_of_name<HubError>("timm/resnet18.a1_in1k@main"),
              HasSubstr("if it is a repository: fetching from the Hub is not there yet"));
}

TEST(SourceNameTest, UnknownGetTheNearest) {
  EXPECT_THAT(
      refusal_of_name<UsageError>("resnet51"),
      HasSubstr("resnet51: expected a file, a folder or a name of timm's registry, got none "
                "of these; did you mean resnet50, "));
  EXPECT_THAT(refusal_of_name<UsageError>("nothing-alike"),
              HasSubstr("weightlift models lists the names"));
  EXPECT_THAT(refusal_of_name<UsageError>(""), HasSubstr("expected a file, a folder or a name"));
}

TEST(SourceNameTest, OfOtherNetworksGetTheReason) {
  EXPECT_EQ(refusal_of_name<UsageError>("resnet50d"),
            "resnet50d: expected a plain ResNet, got a network of timm that is none: deep stem "
            "(stem_type 'deep'), average-pool shortcuts (avg_down)");
  EXPECT_THAT(refusal_of_name<UsageError>("seresnet50.a1_in1k"),
              HasSubstr("squeeze-and-excitation"));
}

TEST(SourceNameTest, PathsAreNoNames) {
  EXPECT_EQ(refusal_of_name<IoError>("no/such/place/at/all"),
            "no/such/place/at/all: no such file or folder");
  EXPECT_EQ(refusal_of_name<IoError>("resnet50.safetensors"),
            "resnet50.safetensors: no such file or folder");
  EXPECT_EQ(refusal_of_name<IoError>("./resnet50"), "./resnet50: no such file or folder");
  EXPECT_EQ(refusal_of_name<IoError>("models/resnet50.pth"),
            "models/resnet50.pth: no such file or folder");
  EXPECT_THAT(refusal_of_name<IoError>(std::string(5000, 'x')), HasSubstr("File name too long"));
}

TEST(CheckpointNameTest, FollowsTheRegistry) {
  EXPECT_EQ(checkpoint_name("resnet50"), "resnet-50");
  EXPECT_EQ(checkpoint_name("resnet50.a1_in1k"), "resnet-50");
  EXPECT_EQ(checkpoint_name("resnet50.tv_in1k"), "resnet-50.tv_in1k");
  EXPECT_EQ(checkpoint_name("tv_resnet50"), "resnet-50.tv_in1k");
  EXPECT_EQ(checkpoint_name("resnet50.unheard_of"), "resnet50.unheard_of");
  EXPECT_EQ(checkpoint_name("flowers"), "flowers");
}

TEST(CheckpointNameTest, LosesKnownEndings) {
  EXPECT_EQ(strip_known_ending("a.safetensors"), "a");
  EXPECT_EQ(strip_known_ending("a.pth.tar"), "a");
  EXPECT_EQ(strip_known_ending("a.b.ckpt"), "a.b");
  EXPECT_EQ(strip_known_ending("resnet50.a1_in1k"), "resnet50.a1_in1k");
  EXPECT_EQ(strip_known_ending("a.txt"), "a.txt");
}

}  // namespace
}  // namespace weightlift
