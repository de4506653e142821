#include "weightlift/convert/source_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/folder.h"
#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "weightlift/base/message.h"

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

TEST(SourceNameTest, PrefersAnExistingPath) {
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

TEST(SourceNameTest, ResolvesATimmModel) {
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

TEST(SourceNameTest, ReadsARepository) {
  const SourceName mine = parse_source_name("hf-hub:alice/flowers@v2");
  EXPECT_EQ(mine.kind, Kind::kRepository);
  EXPECT_EQ(mine.repository, "alice/flowers@v2");
  EXPECT_EQ(mine.last_part, "flowers");
  EXPECT_EQ(mine.cfg, std::nullopt);
  EXPECT_EQ(parse_source_name("alice/flowers@refs/pr/1").last_part, "flowers");
  EXPECT_EQ(parse_source_name("hf-hub:flowers").repository, "flowers");
  EXPECT_EQ(full_name(*parse_source_name("timm/resnet18.tv_in1k").cfg), "resnet18.tv_in1k");
  // timm has no repositories with these names.
  EXPECT_EQ(parse_source_name("timm/resnet18").cfg, std::nullopt);
  EXPECT_EQ(parse_source_name("timm/tv_resnet50").cfg, std::nullopt);
  EXPECT_EQ(parse_source_name("alice/resnet18.tv_in1k").cfg, std::nullopt);
}

TEST(SourceNameTest, SuggestsTheNearestNames) {
  EXPECT_THAT(refusal_of_name<NotFoundError>("resnet51"),
              HasSubstr("resnet51: no such file, folder or timm model; did-you-mean(resnet50, "));
  EXPECT_EQ(refusal_of_name<NotFoundError>("nothing-alike"),
            "nothing-alike: no such file, folder or timm model; list-models()");
  EXPECT_THAT(refusal_of_name<UsageError>(""),
              HasSubstr("source: expected a path or a name, got an empty text"));
}

TEST(SourceNameTest, RefusesOtherArchitecturesWithTheReason) {
  EXPECT_EQ(refusal_of_name<UnsupportedError>("resnet50d"),
            "resnet50d: known to timm, not supported: deep stem (stem_type 'deep'), average-pool "
            "shortcuts (avg_down)");
  EXPECT_THAT(refusal_of_name<UnsupportedError>("seresnet50.a1_in1k"),
              HasSubstr("squeeze-and-excitation"));
}

TEST(SourceNameTest, RefusesMissingPaths) {
  EXPECT_EQ(refusal_of_name<NotFoundError>("no/such/place/at/all"),
            "no/such/place/at/all: no such file or folder");
  EXPECT_EQ(refusal_of_name<NotFoundError>("resnet50.safetensors"),
            "resnet50.safetensors: no such file or folder");
  EXPECT_EQ(refusal_of_name<NotFoundError>("./resnet50"), "./resnet50: no such file or folder");
  EXPECT_EQ(refusal_of_name<NotFoundError>("models/resnet50.pth"),
            "models/resnet50.pth: no such file or folder");
  EXPECT_THAT(refusal_of_name<IoError>(std::string(5000, 'x')), HasSubstr("File name too long"));
}

TEST(SourceNameTest, RefusesUrls) {
  EXPECT_THAT(refusal_of_name<UsageError>("https://huggingface.co/timm/resnet18.a1_in1k"),
              AllOf(HasSubstr("got a URL"), HasSubstr("use-repository-prefix()")));
}

TEST(CheckpointNameTest, FollowsTheRegistry) {
  EXPECT_EQ(checkpoint_name("resnet50"), "resnet-50");
  EXPECT_EQ(checkpoint_name("resnet50.a1_in1k"), "resnet-50");
  EXPECT_EQ(checkpoint_name("resnet50.tv_in1k"), "resnet-50.tv_in1k");
  EXPECT_EQ(checkpoint_name("tv_resnet50"), "resnet-50.tv_in1k");
  EXPECT_EQ(checkpoint_name("resnet50.unheard_of"), "resnet50.unheard_of");
  EXPECT_EQ(checkpoint_name("flowers"), "flowers");
}

TEST(CheckpointNameTest, StripsKnownEndings) {
  EXPECT_EQ(strip_known_ending("a.safetensors"), "a");
  EXPECT_EQ(strip_known_ending("a.pth.tar"), "a");
  EXPECT_EQ(strip_known_ending("a.b.ckpt"), "a.b");
  EXPECT_EQ(strip_known_ending("resnet50.a1_in1k"), "resnet50.a1_in1k");
  EXPECT_EQ(strip_known_ending("a.txt"), "a.txt");
}

}  // namespace
}  // namespace weightlift
