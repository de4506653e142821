#include "weightlift/convert/source_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/folder.h"
#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "weightlift/base/error.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::refusal;
using testing::TempDir;
using testing::write_file;
using Kind = SourceName::Kind;

template <class Refusal>
std::string refusal_of_name(const std::string& name) {
  return refusal<Refusal>([&] { parse_source_name(name); });
}

TEST(SourceNameTest, IsFirstAPathThatExists) {
  const TempDir dir;
  fs::create_directories(dir / "timm/resnet50");
  write_file(dir / "best.pth.tar", "");
  const SourceName folder = parse_source_name(dir / "timm/resnet50");
  EXPECT_EQ(folder.kind, Kind::kPath);
  EXPECT_EQ(folder.last_part, "resnet50");
  EXPECT_EQ(folder.cfg, std::nullopt);
  EXPECT_EQ(parse_source_name((dir / "timm/resnet50").string() + "/").last_part, "resnet50");
  EXPECT_EQ(parse_source_name(dir / "timm/../timm/.").last_part, "timm");
  EXPECT_EQ(parse_source_name(dir / "best.pth.tar").last_part, "best");
}

TEST(SourceNameTest, IsThenANameOfTheRegistry) {
  const auto repository = [](const std::string& name) {
    const SourceName parsed = parse_source_name(name);
    EXPECT_EQ(parsed.kind, Kind::kRegistry);
    EXPECT_EQ("timm/" + parsed.last_part, parsed.repository);
    return parsed.repository;
  };
  EXPECT_EQ(repository("resnet50"), "timm/resnet50.a1_in1k");
  EXPECT_EQ(repository("resnet50.tv_in1k"), "timm/resnet50.tv_in1k");
  EXPECT_EQ(repository("tv_resnet50"), "timm/resnet50.tv_in1k");
  EXPECT_EQ(repository("gluon_resnet18_v1b"), "timm/resnet18.gluon_in1k");
  EXPECT_EQ(repository("resnet18."), "timm/resnet18.a1_in1k");
}

TEST(SourceNameTest, IsThenARepository) {
  const SourceName mine = parse_source_name("hf-hub:alice/flowers@v2");
  EXPECT_EQ(mine.kind, Kind::kRepository);
  EXPECT_EQ(mine.repository, "alice/flowers@v2");
  EXPECT_EQ(mine.last_part, "flowers");
  EXPECT_EQ(mine.cfg, std::nullopt);
  EXPECT_EQ(parse_source_name("alice/flowers@refs/pr/1").last_part, "flowers");
  EXPECT_EQ(parse_source_name("hf-hub:flowers").repository, "flowers");
  EXPECT_EQ(full_name(*parse_source_name("timm/resnet18.tv_in1k").cfg), "resnet18.tv_in1k");
  // No repository of timm's has these names.
  EXPECT_EQ(parse_source_name("timm/resnet18").cfg, std::nullopt);
  EXPECT_EQ(parse_source_name("timm/tv_resnet50").cfg, std::nullopt);
  EXPECT_EQ(parse_source_name("alice/resnet18.tv_in1k").cfg, std::nullopt);
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

TEST(SourceNameTest, AddressesAreToldHow) {
  EXPECT_THAT(refusal_of_name<UsageError>("https://huggingface.co/timm/resnet18.a1_in1k"),
              AllOf(HasSubstr("got an address"), HasSubstr("hf-hub:owner/name")));
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
