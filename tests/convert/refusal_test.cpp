// Sources that weightlift refuses: it names each one, and leaves nothing.

#include "tests/support/refusal.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/convert/job.h"
#include "tests/support/temp_dir.h"
#include "tests/support/timm_checkpoint.h"
#include "weightlift/base/message.h"
#include "weightlift/tensor/convert.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::names_in;
using testing::refusal;
using testing::request_for;
using testing::run;
using testing::small_checkpoint;
using ::testing::StartsWith;
using testing::TempDir;
using testing::TimmCheckpoint;
using testing::write_file;

/// The message of the `Kind` that converting `dir`/in throws.
template <class Kind>
std::string refusal_of(const TempDir& dir) {
  std::string message = refusal<Kind>([&] { run(request_for(dir / "in", dir / "out")); });
  EXPECT_THAT(names_in(dir / "out"), IsEmpty());
  EXPECT_THAT(message, ::testing::Not(HasSubstr("\n")));
  EXPECT_THAT(message, StartsWith((dir / "in").string()));
  return message;
}

template <class Kind>
std::string refusal_of(const TimmCheckpoint& checkpoint) {
  const TempDir dir;
  checkpoint.write_folder(dir / "in");
  return refusal_of<Kind>(dir);
}

/// The message for a valid folder whose weights file has these bytes.
template <class Kind>
std::string refusal_of_weights(const std::string& bytes, const char* name = "model.safetensors") {
  const TempDir dir;
  small_checkpoint().write_folder(dir / "in");
  fs::remove(dir / "in/model.safetensors");
  write_file(dir / "in" / name, bytes);
  return refusal_of<Kind>(dir);
}

std::string refusal_of_config(const std::string& text) {
  TimmCheckpoint checkpoint = small_checkpoint();
  checkpoint.config_json = text;
  return refusal_of<FormatError>(checkpoint);
}

TEST(TensorRefusalTest, NamesAMissingTensor) {
  TimmCheckpoint checkpoint = small_checkpoint();
  checkpoint.tensors.erase("layer2.0.bn1.bias");
  checkpoint.tensors.erase("layer3.0.bn2.running_var");
  EXPECT_THAT(
      refusal_of<MismatchError>(checkpoint),
      HasSubstr("in/model.safetensors: the tensors do not match the network's 86: 2 missing "
                "(layer2.0.bn1.bias, layer3.0.bn2.running_var)"));
}

TEST(TensorRefusalTest, NamesAnUnknownTensor) {
  TimmCheckpoint checkpoint = small_checkpoint();
  checkpoint.tensors["ema.decay"] = Tensor::of({1}, std::vector<float>{0.9F});
  EXPECT_THAT(
      refusal_of<MismatchError>(checkpoint),
      HasSubstr("unknown tensors outside the network may change its outputs: ema.decay [1]"));
}

TEST(TensorRefusalTest, NamesATensorOfAnotherShape) {
  TimmCheckpoint checkpoint = small_checkpoint();
  checkpoint.tensors["layer4.0.bn2.weight"] = Tensor::of({31}, std::vector<float>(31));
  EXPECT_THAT(refusal_of<MismatchError>(checkpoint),
              HasSubstr("1 of another shape or dtype (layer4.0.bn2.weight: expected [32], got "
                        "[31])"));
}

TEST(TensorRefusalTest, NamesCountersThatAreNotANumber) {
  TimmCheckpoint checkpoint = small_checkpoint();
  checkpoint.tensors["bn1.num_batches_tracked"] = Tensor::of({2}, std::vector<std::int64_t>{5, 6});
  EXPECT_THAT(refusal_of<MismatchError>(checkpoint),
              HasSubstr("bn1.num_batches_tracked: expected [], got [2]"));
  checkpoint = small_checkpoint();
  checkpoint.tensors["bn1.num_batches_tracked"] = Tensor::of({}, std::vector<float>{NAN});
  EXPECT_THAT(refusal_of<MismatchError>(checkpoint),
              HasSubstr("bn1.num_batches_tracked: expected I64, got F32"));
}

TEST(ConfigRefusalTest, NamesADifferenceFromTheTensors) {
  TimmCheckpoint checkpoint = small_checkpoint();
  checkpoint.config_json =
      testing::merged(checkpoint.config_json, R"({"architecture": "resnet34"})");
  checkpoint.config_json =
      testing::merged(checkpoint.config_json, R"({"model_args": {"layers": null}})");
  EXPECT_THAT(refusal_of<MismatchError>(checkpoint),
              HasSubstr("in/config.json: blocks per stage: expected [3, 4, 6, 3], got [2, 1, 1, 1] "
                        "in the tensors"));
}

TEST(ConfigRefusalTest, NamesUnsupportedArguments) {
  TimmCheckpoint checkpoint = small_checkpoint();
  checkpoint.config_json =
      testing::merged(checkpoint.config_json, R"({"model_args": {"act_layer": "silu"}})");
  EXPECT_THAT(
      refusal_of<UnsupportedError>(checkpoint),
      HasSubstr("in/config.json: model_args.act_layer: expected null or \"relu\", got \"silu\""));
}

TEST(ConfigRefusalTest, NamesBrokenJson) {
  EXPECT_THAT(refusal_of_config(""), HasSubstr("in/config.json: invalid JSON: the file is empty"));
  EXPECT_THAT(refusal_of_config("{\"architecture\": \"resnet18\","),
              HasSubstr("in/config.json: invalid JSON at byte"));
  EXPECT_THAT(refusal_of_config("{}"),
              HasSubstr("in/config.json: neither a timm config nor a transformers config: "
                        "'architecture' and 'model_type' are missing"));
  EXPECT_THAT(refusal_of_config("\xef\xbb\xbf{}"), HasSubstr("in/config.json: "));
  EXPECT_THAT(refusal_of_config(std::string(100'000, '[')),
              HasSubstr("in/config.json: JSON is nested deeper than 64 levels"));
}

TEST(ConfigRefusalTest, NamesAHugeFile) {
  EXPECT_THAT(refusal_of_config("{\"a\": \"" + std::string(std::size_t{5} << 20, 'x') + "\"}"),
              AllOf(HasSubstr("in/config.json: "), HasSubstr("4194304")));
}

TEST(ConfigRefusalTest, NamesAnotherModel) {
  TimmCheckpoint checkpoint = small_checkpoint();
  checkpoint.config_json = R"({"model_type": "bert"})";
  EXPECT_THAT(
      refusal_of<UnsupportedError>(checkpoint),
      HasSubstr("in/config.json: unsupported model_type 'bert' (supported: resnet, regnet)"));
}

TEST(ConfigRefusalTest, NamesAFolderInItsPlace) {
  const TempDir dir;
  small_checkpoint().write_folder(dir / "in");
  fs::remove(dir / "in/config.json");
  fs::create_directory(dir / "in/config.json");
  EXPECT_THAT(refusal_of<IoError>(dir),
              AllOf(HasSubstr("in/config.json: "), HasSubstr("a folder")));
}

TEST(FolderRefusalTest, NamesAnEmptyFolder) {
  const TempDir dir;
  fs::create_directory(dir / "in");
  EXPECT_THAT(refusal_of<NotFoundError>(dir), HasSubstr("in: the folder is empty"));
}

TEST(FolderRefusalTest, NamesAMissingConfig) {
  const TempDir dir;
  small_checkpoint().write_file(dir / "in/model.safetensors");
  EXPECT_THAT(
      refusal_of<NotFoundError>(dir),
      HasSubstr("in: config.json not found; advice(convert the weights file itself if there is no "
                "config)"));
}

TEST(FolderRefusalTest, NamesMissingWeights) {
  const TempDir dir;
  write_file(dir / "in/config.json", small_checkpoint().config_json);
  EXPECT_THAT(refusal_of<NotFoundError>(dir), HasSubstr("in: no weights file found"));
}

TEST(FolderRefusalTest, CountsSeveralWeightsFiles) {
  const TempDir dir;
  write_file(dir / "in/config.json", small_checkpoint().config_json);
  small_checkpoint().write_file(dir / "in/a.safetensors");
  small_checkpoint().write_file(dir / "in/b.pth");
  EXPECT_THAT(refusal_of<MismatchError>(dir),
              HasSubstr("in: expected one weights file, got 2; advice(keep one of them, or convert "
                        "that file itself)"));
}

TEST(FolderRefusalTest, NamesMissingShards) {
  const TempDir dir;
  write_file(dir / "in/config.json", small_checkpoint().config_json);
  write_file(dir / "in/model.safetensors.index.json",
             R"({"metadata": {}, "weight_map": {"a": "model-00001-of-00001.safetensors"}})");
  EXPECT_THAT(refusal_of<NotFoundError>(dir),
              HasSubstr("in/model-00001-of-00001.safetensors: not found"));
}

TEST(FolderRefusalTest, NamesACircularLink) {
  const TempDir dir;
  write_file(dir / "in/config.json", small_checkpoint().config_json);
  fs::create_symlink("model.safetensors", dir / "in/model.safetensors");
  EXPECT_THAT(refusal_of<IoError>(dir),
              HasSubstr("in/model.safetensors: Too many levels of symbolic"));
}

TEST(WeightsRefusalTest, NamesAGitLfsPointer) {
  EXPECT_THAT(refusal_of_weights<FormatError>("version https://git-lfs.github.com/spec/v1\noid "
                                              "sha256:0\nsize 46807448\n"),
              AllOf(HasSubstr("in/model.safetensors: not a checkpoint but a git-lfs pointer"),
                    HasSubstr("git lfs pull")));
}

TEST(WeightsRefusalTest, NamesAnHtmlPage) {
  EXPECT_THAT(refusal_of_weights<FormatError>("<!DOCTYPE html>\n<html><body>404</body></html>"),
              HasSubstr("not a checkpoint but an HTML page"));
  EXPECT_THAT(refusal_of_weights<FormatError>("Entry not found"),
              HasSubstr("not a checkpoint but plain text"));
}

TEST(WeightsRefusalTest, NamesADamagedTorchCheckpoint) {
  const std::string zip = "PK\x03\x04" + std::string(100, '\0') + "PK\x01\x02" +
                          std::string(42, '\0') + "archive/data.pkl" + "PK\x05\x06" +
                          std::string(18, '\0');
  EXPECT_THAT(refusal_of_weights<FormatError>(zip, "pytorch_model.bin"),
              HasSubstr("in/pytorch_model.bin: zip: directory: expected its end at 166"));
}

TEST(WeightsRefusalTest, NamesATruncatedFile) {
  const TempDir dir;
  small_checkpoint().write_folder(dir / "in");
  const auto bytes = fs::file_size(dir / "in/model.safetensors");
  for (const auto left :
       {bytes - 1, bytes / 2, std::uintmax_t{1000}, std::uintmax_t{4}, std::uintmax_t{0}}) {
    fs::resize_file(dir / "in/model.safetensors", left);
    EXPECT_THAT(refusal_of<FormatError>(dir), HasSubstr("in/model.safetensors: ")) << left;
  }
}

TEST(WeightsRefusalTest, NamesAnEmptyStateDict) {
  EXPECT_THAT(refusal_of_weights<NotFoundError>(std::string("\x02\0\0\0\0\0\0\0{}", 10)),
              HasSubstr("in/model.safetensors: no tensors in the top level"));
}

TEST(RefusalTest, NamesWeightsThatChangedAfterTheDownload) {
  const TempDir dir;
  small_checkpoint().write_folder(dir / "in");
  const ConversionRequest request = request_for(dir / "in", dir / "out");
  const SourceOrigin origin = {.repo_id = "timm/net",
                               .commit = std::string(40, 'a'),
                               .weights_sha256 = std::string(64, 'b')};
  const LocalSource source = {request.source, "net", origin};
  EXPECT_THAT(refusal<FormatError>([&] { convert_local(request, source, no_progress()); }),
              AllOf(HasSubstr("the cached copy is damaged: expected sha256 bbb"),
                    HasSubstr("advice(remove the file and convert again to download it)")));
  EXPECT_THAT(names_in(dir / "out"), IsEmpty());
}

}  // namespace
}  // namespace weightlift
