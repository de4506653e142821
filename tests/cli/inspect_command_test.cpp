#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/program.h"
#include "tests/support/safetensors_builder.h"

namespace weightlift {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::json_lines;
using testing::Outcome;
using testing::Room;
using testing::run_weightlift;
using testing::small_checkpoint;
using testing::TempDir;
using testing::write_file;
using Json = nlohmann::json;

Json inspect(const std::string& source) {
  const Outcome outcome = run_weightlift({"inspect", source, "--json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto lines = json_lines(outcome.out);
  return lines.size() == 1 ? lines[0] : Json();
}

TEST(InspectCommandTest, PrintsTheNetworkAndEachTensor) {
  const Room room;
  const Outcome outcome = run_weightlift({"inspect", room.source()});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(
      outcome.out,
      AllOf(HasSubstr("in/small/model.safetensors, safetensors, "),
            HasSubstr("86 tensors, 196,565 parameters\n"),
            HasSubstr("network: timm resnet18, basic blocks [2, 1, 1, 1], channels [64, 16, 24, "
                      "32], 3 input channels, 5 classes, float32\n"),
            HasSubstr("conv1.weight"), HasSubstr("F32   [64, 3, 7, 7]")));
  EXPECT_LT(outcome.out.find("layer4.0.conv2.weight"),
            outcome.out.find("\nbn1.num_batches_tracked"))
      << "counters are last";
}

TEST(InspectCommandTest, JsonIsOneObject) {
  const Room room;
  const Json row = inspect(room.source());
  EXPECT_EQ(row["schema"], "weightlift/1");
  EXPECT_EQ(row["type"], "inspect");
  EXPECT_EQ(row["source"], room.source());
  EXPECT_EQ(row["status"], "ok");
  EXPECT_EQ(row["form"], "timm");
  EXPECT_EQ(row["architecture"], "resnet18");
  EXPECT_EQ(row["tag"], "a1_in1k");
  EXPECT_EQ(row["layer_type"], "basic");
  EXPECT_EQ(row["depths"], (Json{2, 1, 1, 1}));
  EXPECT_EQ(row["num_labels"], 5);
  EXPECT_EQ(row["parameters"], 196'565);
  ASSERT_EQ(row["tensors"].size(), 86U);
  for (const Json& tensor : row["tensors"]) {
    if (tensor["name"] != "conv1.weight") continue;
    EXPECT_EQ(tensor["dtype"], "F32");
    EXPECT_EQ(tensor["shape"], (Json{64, 3, 7, 7}));
    EXPECT_EQ(tensor["bytes"], 64 * 3 * 7 * 7 * 4);
  }
}

TEST(InspectCommandTest, KnowsAConvertedFolder) {
  const Room room;
  ASSERT_EQ(run_weightlift({"convert", room.source(), "-o", room.out()}).exit_code, 0);
  const Json row = inspect(room.folder());
  EXPECT_EQ(row["form"], "transformers");
  EXPECT_EQ(row["architecture"], "ResNetForImageClassification");
  EXPECT_EQ(row["metadata"]["format"], "pt");
  EXPECT_EQ(row["labels"].size(), 5U);
}

TEST(InspectCommandTest, CountsShards) {
  const TempDir dir;
  small_checkpoint().write_sharded_folder(dir / "sharded");
  EXPECT_THAT(run_weightlift({"inspect", dir / "sharded"}).out,
              HasSubstr("model.safetensors.index.json, safetensors in 2 shards, "));
}

TEST(InspectCommandTest, HashesOnRequest) {
  const Room room;
  EXPECT_FALSE(inspect(room.source()).contains("sha256"));
  const Outcome outcome = run_weightlift({"inspect", room.source(), "--hash", "--json"});
  const Json row = json_lines(outcome.out).at(0);
  EXPECT_EQ(row["sha256"].get<std::string>().size(), 64U);
  EXPECT_FALSE(row.contains("known"));
}

TEST(InspectCommandTest, KnowsALoneFile) {
  const TempDir dir;
  small_checkpoint().write_file(dir / "w.safetensors");
  const Json row = inspect(dir / "w.safetensors");
  EXPECT_FALSE(row.contains("architecture"));
  EXPECT_EQ(row["layer_type"], "basic");
}

TEST(InspectCommandTest, ListsWhatCannotBeConvertedWithTheReason) {
  const TempDir dir;
  write_file(dir / "w.safetensors",
             testing::safetensors_with(
                 R"({"patch_embed.w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                 R"("__metadata__":{"a":"b\u001b[2J"}})",
                 8));
  const Json row = inspect(dir / "w.safetensors");
  EXPECT_THAT(row["not_convertible"], HasSubstr("a vision transformer"));
  EXPECT_EQ(row["tensors"][0]["name"], "patch_embed.w");
  const Outcome text = run_weightlift({"inspect", dir / "w.safetensors"});
  EXPECT_EQ(text.exit_code, 0);
  EXPECT_THAT(text.out,
              AllOf(HasSubstr("network: not convertible: "), HasSubstr("metadata: a=b\\x1b[2J\n")));
}

TEST(InspectCommandTest, AFileThatIsNoCheckpointIsExit3) {
  const TempDir dir;
  write_file(dir / "w.bin", "<html>");
  const Outcome outcome = run_weightlift({"inspect", dir / "w.bin"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, HasSubstr("w.bin: not a checkpoint but an HTML page"));
  const Outcome json = run_weightlift({"inspect", dir / "w.bin", "--json"});
  EXPECT_EQ(json.exit_code, 3);
  const auto lines = json_lines(json.out);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["source"], (dir / "w.bin").string());
  EXPECT_EQ(lines[0]["status"], "failed");
  EXPECT_EQ(lines[0]["error"]["kind"], "invalid_format");
}

}  // namespace
}  // namespace weightlift
