#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "tests/convert/job.h"
#include "tests/support/temp_dir.h"
#include "tests/support/timm_checkpoint.h"

namespace weightlift {
namespace {

using Json = nlohmann::json;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::request_for;
using testing::run;
using testing::small_checkpoint;
using testing::TempDir;

class ReportTest : public ::testing::Test {
 protected:
  ReportTest() {
    small_checkpoint().write_folder(dir_ / "small");
    result_ = run(request_for(dir_ / "small", dir_ / "out"));
  }
  TempDir dir_;
  ConversionResult result_;
};

TEST_F(ReportTest, ListsEveryOperationWithItsTensors) {
  const Json report = Json::parse(to_report_json(result_));
  ASSERT_EQ(report["operations"].size(), result_.transfer.operations.size());
  const Json& stem = report["operations"][0];
  EXPECT_EQ(stem["src"], "conv1");
  EXPECT_EQ(stem["dest"], "resnet.embedder.embedder.convolution");
  EXPECT_THAT(stem["op"], HasSubstr("Conv2d(3, 64, kernel_size=7, stride=2"));
  EXPECT_EQ(stem["tensors"]["conv1.weight"], "resnet.embedder.embedder.convolution.weight");
  std::size_t tensors = 0;
  for (const Json& operation : report["operations"]) tensors += operation["tensors"].size();
  EXPECT_EQ(tensors, result_.transfer.tensor_count());
  EXPECT_THAT(to_report_json(result_), EndsWith("}\n"));
}

TEST_F(ReportTest, SumsUpOnOneLine) {
  const std::string line = to_result_json(result_);
  EXPECT_THAT(line, Not(HasSubstr("\n")));
  const Json summary = Json::parse(line);
  EXPECT_EQ(summary["folder"], (dir_ / "out/small").string());
  EXPECT_EQ(summary["written"], true);
  EXPECT_EQ(summary["source"]["file"], (dir_ / "small/model.safetensors").string());
  EXPECT_EQ(summary["source"]["sha256"], result_.provenance.source_sha256);
  EXPECT_EQ(summary["logits_shape"], (Json{1, 5}));
  EXPECT_EQ(summary["dtype"], "float32");
  EXPECT_EQ(summary["notes"].size(), result_.notes.size());
  const Json& verification = summary["verification"];
  EXPECT_EQ(verification["verified"], true);
  EXPECT_EQ(verification["tensors"], result_.transfer.tensor_count());
  EXPECT_EQ(verification["outputs"][0]["name"], "logits");
  EXPECT_EQ(verification["outputs"][0]["bit_equal"], true);
  EXPECT_EQ(verification["outputs"][0]["difference"]["max_abs"], 0.0);
  EXPECT_FALSE(summary.contains("operations"));
}

TEST_F(ReportTest, HasNullWhereNothingWasVerified) {
  ConversionRequest request = request_for(dir_ / "small", dir_ / "other");
  request.dry_run = true;
  const Json summary = Json::parse(to_result_json(run(request)));
  EXPECT_EQ(summary["verification"], nullptr);
  EXPECT_EQ(summary["written"], false);
}

TEST_F(ReportTest, NamesTheFirstDifference) {
  Verification verification = *result_.verification;
  verification.different_tensors = {"a.weight and b.weight"};
  verification.first_difference =
      FirstDifference{3, "a: Conv2d()", "b: Conv2d()",
                      Difference{.max_abs = 0.5F,
                                 .max_rel = std::numeric_limits<float>::infinity(),
                                 .different_count = 7}};
  const Json report = Json::parse(to_result_json(FolderVerification{
      verification,
      {LabelDifference{.classes = 3, .different = 1, .first = 2, .src = "cat", .dest = "dog"},
       std::vector<std::string>{"crop_pct 0.95 and 0.875"}}}));
  EXPECT_EQ(report["labels"]["different"], 1);
  EXPECT_EQ(report["labels"]["first"], (Json{{"id", 2}, {"source", "cat"}, {"folder", "dog"}}));
  EXPECT_EQ(report["image_processor"]["differences"], Json::array({"crop_pct 0.95 and 0.875"}));
  EXPECT_EQ(report["verified"], false);
  EXPECT_EQ(report["different_tensors"], Json{"a.weight and b.weight"});
  const Json& first = report["first_difference"];
  EXPECT_EQ(first["position"], 3);
  EXPECT_EQ(first["src"], "a: Conv2d()");
  EXPECT_EQ(first["difference"]["max_abs"], 0.5);
  EXPECT_EQ(first["difference"]["max_rel"], nullptr);
  EXPECT_EQ(first["difference"]["different"], 7);
}

}  // namespace
}  // namespace weightlift
