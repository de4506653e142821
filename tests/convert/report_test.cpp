#include "weightlift/convert/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>

#include "tests/convert/job.h"
#include "tests/support/temp_dir.h"
#include "tests/support/timm_checkpoint.h"

namespace weightlift {
namespace {

using OrderedJson = nlohmann::ordered_json;
using ::testing::HasSubstr;
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
  Conversion result_;
};

/// What add_to adds to an empty object.
template <class Result>
OrderedJson json_of(const Result& result) {
  OrderedJson json = OrderedJson::object();
  add_to(json, result);
  return json;
}

TEST_F(ReportTest, ListsEveryOperationWithItsTensors) {
  const OrderedJson operations = operations_json(result_.transfer);
  ASSERT_EQ(operations.size(), result_.transfer.operations.size());
  const OrderedJson& stem = operations[0];
  EXPECT_EQ(stem["src"], "conv1");
  EXPECT_EQ(stem["dest"], "resnet.embedder.embedder.convolution");
  EXPECT_THAT(stem["op"], HasSubstr("Conv2d(3, 64, kernel_size=7, stride=2"));
  EXPECT_EQ(stem["tensors"]["conv1.weight"], "resnet.embedder.embedder.convolution.weight");
  std::size_t tensors = 0;
  for (const OrderedJson& operation : operations) tensors += operation["tensors"].size();
  EXPECT_EQ(tensors, result_.transfer.tensor_count());
}

TEST_F(ReportTest, DescribesAConversion) {
  const OrderedJson summary = json_of(result_);
  EXPECT_EQ(summary["folder"], (dir_ / "out/small").string());
  EXPECT_EQ(summary["file"], (dir_ / "small/model.safetensors").string());
  EXPECT_EQ(summary["source_sha256"], result_.provenance.source_sha256);
  EXPECT_EQ(summary["bytes_read"], std::filesystem::file_size(dir_ / "small/model.safetensors"));
  EXPECT_GT(summary["bytes_written"], summary["bytes_read"]);
  EXPECT_EQ(summary["logits_shape"], (OrderedJson{1, 5}));
  EXPECT_EQ(summary["dtype"], "float32");
  const OrderedJson& verification = summary["verification"];
  EXPECT_EQ(verification["verified"], true);
  EXPECT_EQ(verification["tensors"], result_.transfer.tensor_count());
  EXPECT_EQ(verification["outputs"][0]["name"], "logits");
  EXPECT_EQ(verification["outputs"][0]["bit_equal"], true);
  EXPECT_EQ(verification["outputs"][0]["difference"]["max_abs"], 0.0);
}

TEST_F(ReportTest, LacksWhatWasNotComputed) {
  ConversionRequest request = request_for(dir_ / "small", dir_ / "other");
  request.dry_run = true;
  const OrderedJson summary = json_of(run(request));
  for (const char* member : {"verification", "source_sha256", "bytes_written", "images", "head"}) {
    EXPECT_FALSE(summary.contains(member)) << member;
  }
  // At one dtype there is nothing to round, and the request has no tolerance.
  const OrderedJson output = json_of(result_)["verification"]["outputs"][0];
  EXPECT_FALSE(output.contains("allclose"));
  EXPECT_FALSE(output.contains("bit_equal_after_rounding"));
}

TEST_F(ReportTest, NamesTheFirstDifference) {
  Verification verification = *result_.verification;
  verification.different_tensors = {"a.weight and b.weight"};
  verification.first_difference =
      FirstDifference{3, "a: Conv2d()", "b: Conv2d()",
                      Difference{.max_abs = 0.5F,
                                 .max_rel = std::numeric_limits<float>::infinity(),
                                 .different_count = 7}};
  const OrderedJson report = json_of(FolderVerification{
      verification,
      {LabelDifference{.classes = 3, .different = 1, .first = 2, .src = "cat", .dest = "dog"},
       std::vector<std::string>{"crop_pct 0.95 and 0.875"}}});
  EXPECT_EQ(report["labels"]["different"], 1);
  EXPECT_EQ(report["labels"]["first"],
            (OrderedJson{{"id", 2}, {"source", "cat"}, {"folder", "dog"}}));
  EXPECT_EQ(report["image_processor"]["differences"],
            OrderedJson::array({"crop_pct 0.95 and 0.875"}));
  const OrderedJson& verified = report["verification"];
  EXPECT_EQ(verified["verified"], false);
  EXPECT_EQ(verified["different_tensors"], OrderedJson::array({"a.weight and b.weight"}));
  const OrderedJson& first = verified["first_difference"];
  EXPECT_EQ(first["position"], 3);
  EXPECT_EQ(first["src"], "a: Conv2d()");
  EXPECT_EQ(first["difference"]["max_abs"], 0.5);
  EXPECT_EQ(first["difference"]["max_rel"], nullptr);
  EXPECT_EQ(first["difference"]["different"], 7);
}

}  // namespace
}  // namespace weightlift
