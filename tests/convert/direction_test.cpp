#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/checkpoint/torch_builder.h"
#include "tests/convert/job.h"
#include "tests/support/notes.h"
#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "tests/support/timm_checkpoint.h"
#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint.h"
#include "weightlift/tensor/convert.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using testing::names_in;
using testing::read_file;
using testing::request_for;
using testing::run;
using testing::small_checkpoint;
using testing::TempDir;
using testing::TimmCheckpoint;
using testing::told;
using ::testing::UnorderedElementsAre;

/// A timm checkpoint "small" and its conversion to transformers.
struct Way {
  explicit Way(const TimmCheckpoint& checkpoint = small_checkpoint()) {
    checkpoint.write_folder(dir / "timm/small");
    run(request_for(dir / "timm/small", dir / "hf"));
  }
  ConversionRequest back(Form to, const std::string& source = "hf/small") const {
    ConversionRequest request = request_for(dir / source, dir / "back");
    request.to = to;
    return request;
  }
  template <class Kind>
  std::string refusal(const ConversionRequest& request) const {
    return testing::refusal<Kind>([&] { run(request); });
  }
  TempDir dir;
};

/// A lone .pth with the small network's tensors, renamed; "" drops one.
fs::path lone_file(const TempDir& dir, const std::function<std::string(const std::string&)>& rename,
                   const StateDict& more = {}) {
  StateDict tensors;
  for (const auto& [name, tensor] : small_checkpoint().tensors) {
    const std::string renamed = rename(name);
    if (!renamed.empty()) tensors.insert(renamed, tensor);
  }
  for (const auto& [name, tensor] : more) tensors.insert(name, tensor);
  write_torch(dir / "lone.pth", output_tensors(tensors));
  return dir / "lone.pth";
}

TEST(DirectionTest, ThereAndBackWritesTheSameWeights) {
  for (const LayerType type : {LayerType::kBasic, LayerType::kBottleneck}) {
    const Way way(small_checkpoint(type, 7));
    const Conversion result = run(way.back(Form::kTimm));
    EXPECT_TRUE(result.written && result.verification->verified());
    EXPECT_THAT(names_in(way.dir / "back/small"),
                UnorderedElementsAre("config.json", "model.safetensors", "README.md"));
    EXPECT_EQ(read_file(way.dir / "back/small/model.safetensors"),
              read_file(way.dir / "timm/small/model.safetensors"));
  }
}

TEST(DirectionTest, WritesOnlyKnownFactsIntoTimmsConfig) {
  const Way way;
  run(way.back(Form::kTimm));
  const std::string text = read_file(way.dir / "back/small/config.json");
  const TimmConfig made = parse_timm_config(text, "made");
  const TimmConfig own = parse_timm_config(read_file(way.dir / "timm/small/config.json"), "own");
  EXPECT_EQ(made.architecture, own.architecture);
  EXPECT_EQ(made.model_args, own.model_args);
  EXPECT_EQ(made.num_classes, own.num_classes);
  EXPECT_EQ(made.pretrained_cfg.input_size, own.pretrained_cfg.input_size);
  EXPECT_EQ(made.pretrained_cfg.crop_pct, own.pretrained_cfg.crop_pct);
  EXPECT_EQ(made.pretrained_cfg.interpolation, own.pretrained_cfg.interpolation);
  EXPECT_EQ(made.pretrained_cfg.mean, own.pretrained_cfg.mean);
  for (const char* unknown : {"\"tag\"", "\"license\"", "\"origin_url\"", "\"paper_ids\""}) {
    EXPECT_THAT(text, ::testing::Not(HasSubstr(unknown)));
  }
}

TEST(DirectionTest, ClaimsNoPixelsWithoutAProcessor) {
  const Way way;
  fs::remove(way.dir / "hf/small/preprocessor_config.json");
  run(way.back(Form::kTimm));
  EXPECT_THAT(read_file(way.dir / "back/small/config.json"),
              ::testing::Not(HasSubstr("\"input_size")));
}

/// A network that torchvision's class has, with few blocks.
ResNetConfig one_block_per_stage() {
  ResNetConfig config;
  config.hidden_sizes = {64, 128, 256, 512};
  config.depths = {1, 1, 1, 1};
  config.layer_type = LayerType::kBasic;
  config.num_labels = 3;
  return config;
}

TEST(DirectionTest, WritesOnlyAStateDictForTorchvision) {
  TimmCheckpoint checkpoint = testing::make_timm_checkpoint(one_block_per_stage(), "resnet18");
  const Way way(checkpoint);
  run(way.back(Form::kTorchvision));
  EXPECT_THAT(names_in(way.dir / "back/small"), UnorderedElementsAre("model.pth", "README.md"));
  const Source written = open_source((way.dir / "back/small/model.pth").string());
  for (const auto& [name, tensor] : checkpoint.tensors) {
    EXPECT_TRUE(bit_equal(written.tensors.at(name), tensor)) << name;
  }
}

TEST(DirectionTest, RefusesOtherChannelsForTorchvision) {
  const Way way;
  EXPECT_THAT(
      way.refusal<UnsupportedError>(way.back(Form::kTorchvision)),
      AllOf(HasSubstr("hf/small: torchvision's ResNet has 64, 128, 256, 512 channels and 3 input"),
            HasSubstr("; target-timm()")));
}

TEST(DirectionTest, DoesNothingWhereTheSourceHasTheForm) {
  const Way way;
  for (const auto& [to, source] :
       {std::pair{Form::kTransformers, "hf/small"}, std::pair{Form::kTimm, "timm/small"}}) {
    const Conversion result = run(way.back(to, source));
    EXPECT_TRUE(result.already);
    EXPECT_FALSE(result.written);
    EXPECT_THAT(told(result.notes), Contains(HasSubstr(": already-converted form=")));
    EXPECT_FALSE(fs::exists(way.dir / "back"));
  }
}

TEST(DirectionTest, ConvertsToAnotherDtypeOrFormat) {
  const Way way;
  ConversionRequest request = way.back(Form::kTransformers);
  request.dtype = DType::F16;
  request.weights_format = WeightsFormat::kBin;
  const Conversion result = run(request);
  EXPECT_TRUE(result.written && result.verification->verified());
  EXPECT_THAT(names_in(way.dir / "back/small"),
              UnorderedElementsAre("config.json", "pytorch_model.bin", "preprocessor_config.json",
                                   "README.md"));
  EXPECT_EQ(open_source((way.dir / "back/small").string()).config.dtype, DType::F16);
}

TEST(DirectionTest, WritesTheSameBinForTheSameInput) {
  const Way way;
  ConversionRequest request = way.back(Form::kTimm, "timm/small");
  request.weights_format = WeightsFormat::kBin;
  run(request);
  const std::string first = read_file(way.dir / "back/small/pytorch_model.bin");
  request.force = true;
  run(request);
  EXPECT_EQ(read_file(way.dir / "back/small/pytorch_model.bin"), first);
}

TEST(DirectionTest, DropsTheHeadInEitherDirection) {
  const Way way;
  for (const Form to : {Form::kTransformers, Form::kTimm}) {
    ConversionRequest request = way.back(to);
    request.head = Head::kNone;
    request.force = true;
    EXPECT_TRUE(run(request).verification->verified());
    const Source written = open_source((way.dir / "back/small").string());
    EXPECT_FALSE(written.tensors.contains(to == Form::kTimm ? "fc.weight" : "classifier.1.weight"));
  }
  // A transformers backbone becomes a timm network without classes.
  ConversionRequest request = way.back(Form::kTransformers);
  request.head = Head::kNone;
  request.name = "backbone";
  run(request);
  ConversionRequest again = way.back(Form::kTimm, "back/backbone");
  again.name = "timm-backbone";
  EXPECT_TRUE(run(again).verification->verified());
}

TEST(DirectionTest, RefusesOtherStridesForTimm) {
  const Way way;
  const fs::path config = way.dir / "hf/small/config.json";
  write_atomically(config,
                   testing::merged(read_file(config), R"({"downsample_in_bottleneck":true})"));
  EXPECT_THAT(way.refusal<UnsupportedError>(way.back(Form::kTimm)),
              HasSubstr("hf/small: timm's ResNet has strides on the 3x3 convolutions, this network "
                        "has downsample_in_bottleneck"));
}

TEST(DirectionTest, RefusesANameOfAnotherNetwork) {
  const Way way;
  ConversionRequest request = way.back(Form::kTimm);
  request.hints.as = "resnet50.a1_in1k";
  EXPECT_THAT(way.refusal<MismatchError>(request), HasSubstr("layer type of resnet50"));
  request.to = Form::kTransformers;
  EXPECT_THAT(testing::refusal<UsageError>([&] { run(request); }),
              HasSubstr("as: expected a lone weights file, got a transformers folder"));
}

TEST(ImagesTest, BothNetworksAgree) {
  const TempDir dir;
  ConversionRequest request =
      request_for(fs::path(WEIGHTLIFT_SOURCE_DIR) / "examples/digits", dir / "out");
  request.images = {fs::path(WEIGHTLIFT_SOURCE_DIR) / "examples/digits/images/three.png"};
  const Conversion result = run(request);
  EXPECT_TRUE(is_verified(result));
  ASSERT_EQ(result.images.size(), 1U);
  EXPECT_TRUE(result.images[0].bit_equal);
  EXPECT_EQ(result.images[0].src.size(), 5U);
  EXPECT_EQ(result.images[0].dest[0].label, "three");
  request.head = Head::kNone;
  request.name = "backbone";
  EXPECT_THAT(testing::refusal<UsageError>([&] { run(request); }),
              HasSubstr("images: expected a network with classes"));
  request.head = Head::kClassifier;
  request.images = {dir / "none.png"};
  EXPECT_THAT(testing::refusal<NotFoundError>([&] { run(request); }), HasSubstr("none.png"));
  EXPECT_FALSE(fs::exists(dir / "out/backbone"));
}

TEST(DirectionTest, KeepsAConfigThatStaysTrue) {
  TimmCheckpoint checkpoint = small_checkpoint();
  checkpoint.config_json = testing::merged(
      checkpoint.config_json,
      R"({"model_args": {"drop_rate": 0.5}, "label_names": ["a", "b", "c", "d", "e"], "notes": 1})");
  const Way way(checkpoint);
  ConversionRequest request = way.back(Form::kTimm, "timm/small");
  request.weights_format = WeightsFormat::kBin;
  run(request);
  EXPECT_EQ(read_file(way.dir / "back/small/config.json"), checkpoint.config_json);
}

TEST(DirectionTest, ClaimsNoUnsupportedProcessor) {
  const Way way;
  const fs::path file = way.dir / "hf/small/preprocessor_config.json";
  write_atomically(file, testing::merged(read_file(file), R"({"do_resize": false})"));
  const Conversion result = run(way.back(Form::kTimm));
  EXPECT_THAT(told(result.notes), Contains("processor-not-in-timm"));
  EXPECT_THAT(read_file(way.dir / "back/small/config.json"),
              ::testing::Not(HasSubstr("\"input_size")));
}

TEST(DirectionTest, RefusesAFolderThatContradictsItsConfig) {
  const Way way;
  const fs::path config = way.dir / "hf/small/config.json";
  write_atomically(config, testing::merged(read_file(config), R"({"depths": [1, 1, 1, 1]})"));
  EXPECT_THAT(way.refusal<MismatchError>(way.back(Form::kTransformers)),
              HasSubstr("12 unexpected"));
}

TEST(DirectionTest, VerifiesALoneStateDict) {
  const Way way(testing::make_timm_checkpoint(one_block_per_stage(), "resnet18"));
  run(way.back(Form::kTorchvision));
  ProgressSink silent;
  EXPECT_TRUE(verify_folder((way.dir / "hf/small").string(), {},
                            (way.dir / "back/small/model.pth").string(), {.threads = 1}, silent)
                  .network.verified());
}

TEST(WrappersTest, RefusesLayersAfterTheNetwork) {
  const TempDir dir;
  StateDict more;
  more.insert("1.weight", Tensor::of({2, 5}, std::vector<float>(10)));
  const fs::path file = lone_file(
      dir, [](const std::string& name) { return "0." + name; }, more);
  ConversionRequest request = request_for(file, dir / "out");
  EXPECT_THAT(testing::refusal<MismatchError>([&] { run(request); }),
              HasSubstr("unknown tensors outside the network may change its outputs: 1.weight [2, "
                        "5]"));
  request.head = Head::kNone;
  EXPECT_TRUE(run(request).written);
}

TEST(WrappersTest, StripsThePrefixOfATrainer) {
  const TempDir dir;
  StateDict more;
  more.insert("n_averaged", Tensor::of({}, std::vector<std::int64_t>{3}));
  const fs::path file = lone_file(
      dir, [](const std::string& name) { return "module." + name; }, more);
  const Conversion result = run(request_for(file, dir / "out"));
  EXPECT_TRUE(result.written);
  EXPECT_THAT(
      told(result.notes),
      AllOf(Contains(HasSubstr("weights-chosen prefix='module.' wrappers='DataParallel or an "
                               "average'")),
            Contains(HasSubstr("tensors-ignored kind='training only' names='n_averaged "
                               "(counter)'"))));
}

TEST(WrappersTest, ReadsTheArchOfATrainingCheckpoint) {
  const TempDir dir;
  const fs::path made = fs::path(WEIGHTLIFT_SOURCE_DIR) / "examples/checkpoints/model_best.pth.tar";
  EXPECT_THAT(told(open_source(made.string()).notes),
              Contains(HasSubstr("model_best.pth.tar: no-config family='ResNet' arch='resnet18'")));
  using testing::text;
  const std::string tensors =
      testing::ordered_dict(text("w") + testing::float_tensor(4, 0, {2}, {1}));
  testing::write_file(dir / "other.pth",
                      testing::torch_zip("}(" + text("arch") + text("resnet50d") +
                                             text("state_dict") + tensors + "u",
                                         {testing::counting_floats(4)}));
  EXPECT_THAT(
      testing::refusal<UnsupportedError>([&] { open_source((dir / "other.pth").string()); }),
      HasSubstr("other.pth: unsupported architecture 'resnet50d': "));
}

TEST(WrappersTest, SuggestsDroppingAHeadOfTwoLayers) {
  const TempDir dir;
  StateDict first;
  first.insert("fc.0.weight", Tensor::of({32, 32}, std::vector<float>(1024)));
  const fs::path file = lone_file(
      dir,
      [](const std::string& name) {
        return name.starts_with("fc.") ? "fc.2." + name.substr(3) : name;
      },
      first);
  ConversionRequest request = request_for(file, dir / "out");
  EXPECT_THAT(testing::refusal<MismatchError>([&] { run(request); }),
              HasSubstr("lone.pth: expected one linear layer as the classifier (fc.weight, "
                        "fc.bias), got fc.2.bias [5], fc.2.weight [5, 32], fc.0.weight [32, 32]; "
                        "drop-head()"));
  request.head = Head::kNone;
  EXPECT_TRUE(run(request).written);
}

TEST(WrappersTest, SuggestsDroppingAMissingHead) {
  const TempDir dir;
  const fs::path file = lone_file(dir, [](const std::string& name) {
    return name.starts_with("fc.") ? "" : "backbone." + name;
  });
  ConversionRequest request = request_for(file, dir / "out");
  EXPECT_THAT(testing::refusal<MismatchError>([&] { run(request); }),
              HasSubstr("got none; drop-head()"));
  request.head = Head::kNone;
  EXPECT_TRUE(run(request).written);
}

TEST(WrappersTest, RefusesAProjectionAsClassifier) {
  const TempDir dir;
  const fs::path file =
      lone_file(dir, [](const std::string& name) { return "module.encoder_q." + name; });
  EXPECT_THAT(testing::refusal<MismatchError>([&] { run(request_for(file, dir / "out")); }),
              HasSubstr("got a projection head for training; drop-head(); choose-head("));
}

TEST(WrappersTest, ReadsCountersAsTorchDoes) {  // W11
  const TempDir dir;
  StateDict tensors;
  for (const auto& [name, tensor] : small_checkpoint().tensors) {
    if (name == "bn1.num_batches_tracked") {
      tensors.insert(name, Tensor::of({1}, std::vector<std::int64_t>{5}));
    } else if (name == "layer1.0.bn1.num_batches_tracked") {
      tensors.insert(name, Tensor::of({}, std::vector<float>{-7}));
    } else if (name != "layer1.0.bn2.num_batches_tracked") {
      tensors.insert(name, tensor);
    }
  }
  write_torch(dir / "lone.pth", output_tensors(tensors));
  const Source source = open_source((dir / "lone.pth").string());
  const auto counter = [&](const char* name) {
    const Tensor& tensor = source.tensors.at(name);
    EXPECT_EQ(tensor.shape(), Shape{});
    return tensor.data<std::int64_t>()[0];
  };
  EXPECT_EQ(counter("bn1.num_batches_tracked"), 5);
  EXPECT_EQ(counter("layer1.0.bn1.num_batches_tracked"), -7);
  EXPECT_EQ(counter("layer1.0.bn2.num_batches_tracked"), 0);
  EXPECT_EQ(source.counters_added, 1);
  EXPECT_THAT(told(source.notes), Contains(HasSubstr("counters-converted count='2'")));
}

}  // namespace
}  // namespace weightlift
