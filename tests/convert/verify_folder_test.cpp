// Compares a converted and then changed folder with its source.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/convert/job.h"
#include "tests/support/notes.h"
#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "tests/support/timm_checkpoint.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::merged;
using testing::read_file;
using testing::refusal;
using testing::request_for;
using testing::run;
using testing::small_checkpoint;
using ::testing::StartsWith;
using testing::TempDir;
using testing::told;
using testing::write_file;

class VerifyFolderTest : public ::testing::Test {
 protected:
  VerifyFolderTest() { convert(LayerType::kBasic); }
  void convert(LayerType type) {
    small_checkpoint(type).write_folder(dir_ / "small");
    request_ = request_for(dir_ / "small", dir_ / "out");
    request_.force = true;
    run(request_);
  }
  fs::path folder() const { return dir_ / "out/small"; }
  Verification verify() {
    testing::Listener listener;
    FolderVerification verification =
        verify_folder((dir_ / "small").string(), {}, folder().string(), {.threads = 1}, listener);
    notes_ = listener.notes;
    settings_ = verification.settings;
    return verification.network;
  }
  void edit_processor(const std::string& patch) {
    const fs::path file = folder() / "preprocessor_config.json";
    write_file(file, merged(read_file(file), patch));
  }
  void edit_config(const std::string& patch) {
    write_file(folder() / "config.json", merged(read_file(folder() / "config.json"), patch));
  }
  /// Writes the weights again, after `change`.
  template <class Change>
  void edit_weights(Change&& change) {
    std::vector<OutputTensor> entries;
    {
      const StateDict old = load_dict(open_checkpoint(folder() / "model.safetensors"), 0).tensors;
      std::map<std::string, Tensor> tensors(old.begin(), old.end());
      change(tensors);
      for (const auto& [name, tensor] : tensors) entries.push_back({name, tensor, tensor.dtype()});
      write_safetensors(folder() / "new", entries, {{"format", "pt"}});
    }
    fs::rename(folder() / "new", folder() / "model.safetensors");
  }
  TempDir dir_;
  ConversionRequest request_;
  Notes notes_;
  SettingsComparison settings_;
};

TEST_F(VerifyFolderTest, VerifiesAnUnchangedFolder) {
  const Verification verification = verify();
  EXPECT_TRUE(verification.verified());
  EXPECT_TRUE(verification.outputs[0].bit_equal);
  EXPECT_EQ(verification.input_shape, (Shape{1, 3, 32, 32}));
}

TEST_F(VerifyFolderTest, ComparesABackboneWithTheNetworkWithoutItsHead) {
  request_.head = Head::kNone;
  run(request_);
  const Verification verification = verify();
  EXPECT_TRUE(verification.verified());
  EXPECT_EQ(verification.outputs.size(), 2U);
}

TEST_F(VerifyFolderTest, ComparesAnotherDtypeWithinTheTolerance) {
  request_.dtype = DType::F16;
  request_.verify = false;
  run(request_);
  const Verification rounded = verify();
  EXPECT_TRUE(rounded.verified());
  EXPECT_FALSE(rounded.same_dtype);
  EXPECT_THAT(rounded.different_tensors, IsEmpty());
  ProgressSink silent;
  EXPECT_FALSE(verify_folder((dir_ / "small").string(), {}, folder().string(),
                             {.rtol = 1e-9, .threads = 1}, silent)
                   .network.verified());
}

TEST_F(VerifyFolderTest, FindsOneBit) {
  const std::string name = "resnet.encoder.stages.2.layers.0.layer.1.convolution.weight";
  edit_weights(
      [&](auto& tensors) { tensors[name] = testing::with_flipped_bit(tensors.at(name), 22); });
  const Verification verification = verify();
  EXPECT_FALSE(verification.verified());
  EXPECT_THAT(verification.different_tensors, ElementsAre("layer3.0.conv2.weight and " + name));
  ASSERT_TRUE(verification.first_difference);
  EXPECT_THAT(verification.first_difference->src, StartsWith("layer3.0.conv2: Conv2d("));
  EXPECT_GT(verification.first_difference->difference->max_abs, 0);
}

TEST_F(VerifyFolderTest, FindsSwappedTensors) {
  const std::string one = "resnet.encoder.stages.0.layers.0.layer.0.normalization.weight";
  const std::string two = "resnet.encoder.stages.0.layers.1.layer.0.normalization.weight";
  edit_weights([&](auto& tensors) { std::swap(tensors.at(one), tensors.at(two)); });
  const Verification verification = verify();
  EXPECT_THAT(verification.different_tensors,
              ElementsAre("layer1.0.bn1.weight and " + one, "layer1.1.bn1.weight and " + two));
  EXPECT_THAT(verification.first_difference->src, StartsWith("layer1.0.bn1: BatchNorm2d("));
}

TEST_F(VerifyFolderTest, FindsAnotherActivation) {
  for (const char* name : {"silu", "gelu"}) {
    edit_config(std::string(R"({"hidden_act": ")") + name + "\"}");
    const Verification verification = verify();
    EXPECT_FALSE(verification.verified());
    EXPECT_THAT(verification.different_tensors, IsEmpty());
    ASSERT_TRUE(verification.first_difference);
    EXPECT_THAT(verification.first_difference->src, HasSubstr("act1: activation(relu)"));
    EXPECT_THAT(verification.first_difference->dest, HasSubstr(name));
    EXPECT_GT(verification.first_difference->difference->max_abs, 0);
    EXPECT_FALSE(verification.outputs[0].bit_equal);
  }
}

TEST_F(VerifyFolderTest, FindsAnotherStride) {
  convert(LayerType::kBottleneck);
  ASSERT_TRUE(verify().verified());
  edit_config(R"({"downsample_in_bottleneck": true})");
  const Verification verification = verify();
  EXPECT_FALSE(verification.verified());
  EXPECT_THAT(verification.different_tensors, IsEmpty());
  ASSERT_TRUE(verification.first_difference);
  EXPECT_THAT(verification.first_difference->src,
              AllOf(StartsWith("layer2.0.conv1: Conv2d("), HasSubstr("stride=1")));
  EXPECT_THAT(verification.first_difference->dest,
              AllOf(HasSubstr("layer.0.convolution: Conv2d("), HasSubstr("stride=2")));
  EXPECT_EQ(verification.first_difference->difference, std::nullopt);
}

TEST_F(VerifyFolderTest, RefusesAConfigThatDoesNotFitTheWeights) {
  edit_config(R"({"depths": [2, 1, 1, 2]})");
  EXPECT_THAT(refusal<MismatchError>([&] { verify(); }),
              AllOf(StartsWith((folder() / "model.safetensors").string() + ": the tensors do"),
                    HasSubstr("missing (resnet.encoder.stages.3.layers.1")));
}

TEST_F(VerifyFolderTest, CountsNans) {
  testing::TimmCheckpoint checkpoint = small_checkpoint();
  Tensor& bias = checkpoint.tensors["fc.bias"];
  bias = testing::with_element(bias, 1, std::numeric_limits<float>::quiet_NaN());
  checkpoint.write_folder(dir_ / "small");
  run(request_);
  EXPECT_TRUE(verify().verified());
  EXPECT_THAT(told(notes_), Contains("non-finite-weights nan='1' inf='0' tensors='1'"));
}

TEST_F(VerifyFolderTest, ComparesSettingsThatMayDiffer) {
  EXPECT_TRUE(verify().verified());
  EXPECT_FALSE(settings_.labels);
  const fs::path config = dir_ / "small/config.json";
  write_file(config, merged(read_file(config), R"({"label_names": ["a", "b", "c", "d", "e"]})"));
  verify();
  EXPECT_EQ(settings_.labels->different, 5);
  EXPECT_EQ(settings_.labels->dest, "LABEL_0");
  run(request_);
  verify();
  EXPECT_EQ(settings_.labels->different, 0);
  EXPECT_THAT(*settings_.processor, IsEmpty());
  edit_config(R"({"id2label": {"1": "other"}})");
  edit_processor(R"({"crop_pct": 0.5, "resample": 2})");
  EXPECT_TRUE(verify().verified());
  EXPECT_EQ(settings_.labels->different, 1);
  EXPECT_EQ(settings_.labels->first, 1);
  EXPECT_EQ(settings_.labels->dest, "other");
  EXPECT_THAT(*settings_.processor, ElementsAre(HasSubstr("crop_pct 0.875 and 0.5"),
                                                HasSubstr("resample bicubic and bilinear")));
  edit_processor(R"({"image_processor_type": "ViTImageProcessor"})");
  EXPECT_TRUE(verify().verified());
  EXPECT_THAT(*settings_.processor,
              ElementsAre(HasSubstr("preprocessor_config.json: unsupported ")));
  fs::remove(folder() / "preprocessor_config.json");
  verify();
  EXPECT_THAT(*settings_.processor, ElementsAre("the folder has none"));
}

TEST_F(VerifyFolderTest, AcceptsALoneFileAsSource) {
  ProgressSink silent;
  const FolderVerification verification = verify_folder(
      (dir_ / "small/model.safetensors").string(), {}, folder().string(), {.threads = 1}, silent);
  EXPECT_TRUE(verification.network.verified());
  EXPECT_EQ(verification.network.input_shape, (Shape{1, 3, 224, 224}));
  EXPECT_FALSE(verification.settings.labels || verification.settings.processor);
}

TEST_F(VerifyFolderTest, ComparesTwoFoldersOfOneForm) {
  ProgressSink silent;
  EXPECT_TRUE(verify_folder(folder().string(), {}, folder().string(), {.threads = 1}, silent)
                  .network.verified());
  const std::string timm = (dir_ / "small").string();
  EXPECT_TRUE(verify_folder(timm, {}, timm, {.threads = 1}, silent).network.verified());
}

TEST_F(VerifyFolderTest, FindsOtherInputChannels) {
  ResNetConfig network = small_checkpoint().network;
  network.num_channels = 1;
  testing::make_timm_checkpoint(network, "resnet18").write_folder(dir_ / "gray");
  ProgressSink silent;
  const Verification verification =
      verify_folder((dir_ / "gray").string(), {}, folder().string(), {.threads = 1}, silent)
          .network;
  EXPECT_FALSE(verification.verified());
  ASSERT_TRUE(verification.first_difference);
  EXPECT_EQ(verification.first_difference->position, 0U);
}

}  // namespace
}  // namespace weightlift
