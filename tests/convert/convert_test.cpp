#include "weightlift/convert/convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/convert/job.h"
#include "tests/support/notes.h"
#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "tests/support/timm_checkpoint.h"
#include "weightlift/base/digest.h"
#include "weightlift/base/message.h"
#include "weightlift/tensor/compare.h"
#include "weightlift/tensor/convert.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using testing::files_of;
using ::testing::HasSubstr;
using testing::Listener;
using testing::names_in;
using ::testing::Not;
using testing::read_file;
using testing::refusal;
using testing::request_for;
using testing::run;
using testing::small_checkpoint;
using ::testing::StartsWith;
using testing::TempDir;
using testing::TimmCheckpoint;
using testing::told;

/// A folder "in/small" with a small checkpoint, and the request that converts it into "out".
struct Job {
  explicit Job(TimmCheckpoint checkpoint = small_checkpoint()) : source(std::move(checkpoint)) {
    source.write_folder(dir / "in/small");
    request = request_for(dir / "in/small", dir / "out");
  }
  TempDir dir;
  TimmCheckpoint source;
  ConversionRequest request;

  StateDict written() const {
    return load_dict(open_checkpoint(dir / "out/small/model.safetensors"), 0).tensors;
  }
  ResNetConfig written_config() const {
    return parse_resnet_config(read_file(dir / "out/small/config.json"), "config.json");
  }
};

/// Expects the source's bytes in each moved tensor of the written file, floating ones as `dtype`.
void expect_moved(const Job& job, const TransferReport& report, DType dtype) {
  const StateDict written = job.written();
  EXPECT_EQ(written.size(), report.tensor_count());
  for (const TransferredOperation& operation : report.operations) {
    for (const auto& [from, to] : operation.tensors) {
      const Tensor& tensor = job.source.tensors.at(from);
      const Tensor expected = is_floating(tensor.dtype()) ? to_dtype(tensor, dtype) : tensor;
      EXPECT_TRUE(bit_equal(expected, written.at(to))) << from << " and " << to;
    }
  }
}

class ConvertTest : public ::testing::TestWithParam<LayerType> {};
INSTANTIATE_TEST_SUITE_P(LayerTypes, ConvertTest,
                         ::testing::Values(LayerType::kBasic, LayerType::kBottleneck),
                         [](const auto& type) { return std::string(to_string(type.param)); });

TEST_P(ConvertTest, WritesAVerifiedFolder) {
  const Job job(small_checkpoint(GetParam()));
  const Conversion result = run(job.request);
  EXPECT_TRUE(result.written);
  EXPECT_EQ(result.folder, job.dir / "out/small");
  EXPECT_EQ(names_in(job.dir / "out"), std::vector<std::string>{"small"});
  EXPECT_THAT(names_in(result.folder), ElementsAre("README.md", "config.json", "model.safetensors",
                                                   "preprocessor_config.json"));
  EXPECT_EQ(result.logits_shape, (Shape{1, 5}));
  EXPECT_EQ(result.transfer.tensor_count(), job.source.tensors.size());
  expect_moved(job, result.transfer, DType::F32);
  ASSERT_TRUE(result.verification);
  EXPECT_TRUE(result.verification->verified());
  EXPECT_EQ(result.verification->tensors, job.source.tensors.size());
  EXPECT_EQ(result.verification->input_shape, (Shape{1, 3, 32, 32}));
  ASSERT_EQ(result.verification->outputs.size(), 1U);
  EXPECT_EQ(result.verification->outputs[0].name, "logits");
  EXPECT_TRUE(result.verification->outputs[0].bit_equal);
}

TEST_P(ConvertTest, DescribesTheNetwork) {
  const Job job(small_checkpoint(GetParam()));
  const Conversion result = run(job.request);
  const ResNetConfig config = job.written_config();
  EXPECT_EQ(config.layer_type, GetParam());
  EXPECT_EQ(config.depths, job.source.network.depths);
  EXPECT_EQ(config.hidden_sizes, job.source.network.hidden_sizes);
  EXPECT_EQ(config.num_labels, 5);
  EXPECT_EQ(result.content.network->transformers_config(result.content.config),
            read_file(job.dir / "out/small/config.json"));
  EXPECT_EQ(to_preprocessor_json(*result.content.processor),
            read_file(job.dir / "out/small/preprocessor_config.json"));
  std::int64_t parameters = 0;
  for (const auto& [name, tensor] : job.source.tensors) {
    if (name.ends_with(".weight") || name.ends_with(".bias")) parameters += tensor.numel();
  }
  EXPECT_EQ(result.parameters, parameters);
}

TEST_P(ConvertTest, WithoutHeadWritesABackbone) {
  Job job(small_checkpoint(GetParam()));
  job.request.head = Head::kNone;
  const Conversion result = run(job.request);
  EXPECT_TRUE(result.written);
  EXPECT_EQ(job.written_config().head, Head::kNone);
  EXPECT_EQ(result.transfer.tensor_count(), job.source.tensors.size() - 2);
  for (const auto& [name, tensor] : job.written()) {
    EXPECT_THAT(name, AllOf(Not(StartsWith("resnet.")), Not(HasSubstr("classifier"))));
  }
  expect_moved(job, result.transfer, DType::F32);
  ASSERT_EQ(result.verification->outputs.size(), 2U);
  EXPECT_EQ(result.verification->outputs[0].name, "last_hidden_state");
  EXPECT_EQ(result.verification->outputs[1].name, "pooler_output");
  EXPECT_TRUE(result.verification->verified());
  EXPECT_EQ(result.logits_shape, (Shape{1, job.source.network.hidden_sizes.back(), 1, 1}));
}

TEST(ConvertJobTest, ReportsStepsAndNotes) {
  const Job job;
  Listener listener;
  const Conversion result = convert(job.request, listener);
  EXPECT_THAT(listener.steps, ElementsAre("read", "write", "verify"));
  EXPECT_EQ(listener.notes, result.notes);
}

TEST(ConvertJobTest, ProgressEndsAtTheSizeOfTheWeightsFile) {
  /// Keeps the last numbers of the step "write".
  struct Bar : ProgressSink {
    void step(std::string_view name, std::uint64_t bytes_total) override {
      writing = name == "write";
      if (writing) total = bytes_total;
    }
    void advance(std::uint64_t bytes_done) override {
      if (writing) done = bytes_done;
    }
    bool writing = false;
    std::uint64_t total = 0, done = 0;
  };
  Job job;
  for (const auto format : {WeightsFormat::kSafetensors, WeightsFormat::kBin}) {
    for (const auto dtype : {DType::F32, DType::F16, DType::F64}) {
      job.request.weights_format = format;
      job.request.dtype = dtype;
      job.request.force = true;
      Bar bar;
      const Conversion result = testing::convert(job.request, bar);
      EXPECT_EQ(bar.total, fs::file_size(result.folder / weights_file(result.content)));
      EXPECT_EQ(bar.done, bar.total);
    }
  }
}

TEST(ConvertJobTest, KeepsTheSource) {
  const Job job;
  const auto before = files_of(job.dir / "in/small");
  run(job.request);
  EXPECT_EQ(files_of(job.dir / "in/small"), before);
}

TEST(ConvertJobTest, WritesTheSameBytesEachTime) {
  Job job;
  run(job.request);
  const auto first = files_of(job.dir / "out/small");
  job.request.output = job.dir / "elsewhere";
  run(job.request);
  EXPECT_EQ(files_of(job.dir / "elsewhere/small"), first);
}

TEST(ConvertJobTest, TheCardHasOnlyNameAndDigestOfTheSource) {
  const Job job;
  const Conversion result = run(job.request);
  const std::string weights = read_file(job.dir / "in/small/model.safetensors");
  EXPECT_EQ(result.provenance.source_sha256, sha256(std::as_bytes(std::span(weights))));
  EXPECT_EQ(result.card, read_file(job.dir / "out/small/README.md"));
  EXPECT_THAT(result.card, AllOf(HasSubstr("- source: `small`, file `model.safetensors`, sha256 `" +
                                           result.provenance.source_sha256),
                                 HasSubstr("the source's config claims the tag `a1_in1k`"),
                                 Not(HasSubstr(job.dir.path().string()))));
}

TEST(ConvertJobTest, ConvertsANetworkWithoutClasses) {
  ResNetConfig network = small_checkpoint().network;
  network.num_labels = 0;
  const Job job(testing::make_timm_checkpoint(network, "resnet18"));
  const Conversion result = run(job.request);
  EXPECT_TRUE(result.verification->verified());
  EXPECT_EQ(result.logits_shape, (Shape{1, 32}));
  EXPECT_EQ(job.written_config().num_labels, 0);
}

TEST(ConvertJobTest, ConvertsAnyNumberOfInputChannels) {
  for (const std::int64_t channels : {1, 2, 4}) {
    ResNetConfig network = small_checkpoint().network;
    network.num_channels = channels;
    TimmCheckpoint checkpoint = testing::make_timm_checkpoint(network, "resnet18");
    checkpoint.config_json = testing::merged(
        checkpoint.config_json, R"({"pretrained_cfg": {"mean": [0.5], "std": [0.25]}})");
    const Job job(checkpoint);
    const Conversion result = run(job.request);
    EXPECT_TRUE(result.verification->verified());
    EXPECT_EQ(job.written_config().num_channels, channels);
    EXPECT_EQ(fs::exists(result.folder / "preprocessor_config.json"), channels == 1);
    if (channels == 1) continue;
    EXPECT_THAT(told(result.notes), Contains(StartsWith("processor-channels channels=")));
    EXPECT_THAT(result.card, HasSubstr("no image processor"));
  }
}

TEST(ConvertJobTest, KeepsTheDtypeOfTheSource) {
  for (const DType dtype : {DType::F16, DType::BF16, DType::F64}) {
    TimmCheckpoint checkpoint = small_checkpoint();
    for (auto& [name, tensor] : checkpoint.tensors) {
      if (is_floating(tensor.dtype())) tensor = to_dtype(tensor, dtype);
    }
    const Job job(checkpoint);
    const Conversion result = run(job.request);
    EXPECT_TRUE(result.verification->verified());
    EXPECT_TRUE(result.verification->same_dtype);
    EXPECT_EQ(job.written_config().dtype, dtype);
    expect_moved(job, result.transfer, dtype);
  }
}

TEST(ConvertJobTest, ChangesTheDtypeAndDetectsOnlyRounding) {
  for (const DType dtype : {DType::F16, DType::BF16}) {
    Job job;
    job.request.dtype = dtype;
    const Conversion result = run(job.request);
    ASSERT_TRUE(result.written);
    EXPECT_FALSE(result.verification->same_dtype);
    EXPECT_FALSE(result.verification->outputs[0].bit_equal);
    EXPECT_TRUE(result.verification->outputs[0].bit_equal_rounded);
    EXPECT_GT(result.verification->outputs[0].difference.max_abs, 0);
    EXPECT_EQ(job.written_config().dtype, dtype);
    expect_moved(job, result.transfer, dtype);
    EXPECT_THAT(result.card, HasSubstr("of the source, with its weights rounded to " +
                                       std::string(torch_name(dtype))));
  }
}

TEST(ConvertJobTest, ReturnsADifferenceAndLeavesNothing) {
  Job job;
  job.request.dtype = DType::BF16;
  job.request.verify_options.rtol = 1e-9;
  job.request.verify_options.atol = 0;
  const Conversion result = run(job.request);
  EXPECT_FALSE(result.written);
  EXPECT_FALSE(result.verification->verified());
  ASSERT_TRUE(result.verification->first_difference);
  EXPECT_THAT(result.verification->first_difference->src, StartsWith("conv1: Conv2d(3, 64"));
  EXPECT_THAT(names_in(job.dir.path()), ElementsAre("in"));
}

TEST(ConvertJobTest, TheCardStatesAMissingVerification) {
  Job job;
  job.request.verify = false;
  const Conversion result = run(job.request);
  EXPECT_TRUE(result.written);
  EXPECT_FALSE(result.verification);
  EXPECT_THAT(result.card, HasSubstr("this conversion was not verified"));
}

TEST(ConvertJobTest, ADryRunWritesNothing) {
  Job job;
  job.request.dry_run = true;
  job.request.output = job.dir / "new/parent";
  const Conversion result = run(job.request);
  EXPECT_FALSE(result.written);
  EXPECT_FALSE(result.verification);
  EXPECT_EQ(result.folder, job.dir / "new/parent/small");
  EXPECT_EQ(result.transfer.tensor_count(), job.source.tensors.size());
  EXPECT_EQ(result.logits_shape, (Shape{1, 5}));
  EXPECT_THAT(names_in(job.dir.path()), ElementsAre("in"));
}

TEST(ConvertJobTest, ADryRunRefusesAnExistingFolder) {
  Job job;
  run(job.request);
  job.request.dry_run = true;
  EXPECT_THAT(refusal<ExistsError>([&] { run(job.request); }),
              HasSubstr("out/small: already exists"));
}

TEST(ConvertJobTest, KeepsAndCountsNanAndInfinities) {
  TimmCheckpoint checkpoint = small_checkpoint();
  Tensor& weight = checkpoint.tensors["layer3.0.conv1.weight"];
  weight = testing::with_element(weight, 3, std::numeric_limits<float>::quiet_NaN());
  weight = testing::with_element(weight, 4, std::numeric_limits<float>::quiet_NaN());
  Tensor& bias = checkpoint.tensors["fc.bias"];
  bias = testing::with_element(bias, 0, -std::numeric_limits<float>::infinity());
  const Job job(checkpoint);
  const Conversion result = run(job.request);
  EXPECT_TRUE(result.written);
  EXPECT_TRUE(result.verification->verified());
  EXPECT_EQ(result.verification->nan_count, 2);
  EXPECT_EQ(result.verification->inf_count, 1);
  EXPECT_THAT(told(result.notes), Contains("non-finite-weights nan='2' inf='1' tensors='2'"));
  EXPECT_THAT(result.card, HasSubstr("the weights contain 2 NaN and 1 infinities in 2 tensors"));
  expect_moved(job, result.transfer, DType::F32);
}

TEST(ConvertJobTest, AddsTheCountersThatOldFilesLack) {
  TimmCheckpoint checkpoint = small_checkpoint();
  std::erase_if(checkpoint.tensors,
                [](const auto& entry) { return entry.first.ends_with("num_batches_tracked"); });
  const Job job(checkpoint);
  const Conversion result = run(job.request);
  EXPECT_TRUE(result.verification->verified());
  EXPECT_THAT(told(result.notes),
              Contains(EndsWith("model.safetensors: counters-added count='14'")));
  EXPECT_THAT(result.card, HasSubstr("the checkpoint lacks 14 num_batches_tracked counters"));
  const StateDict written = job.written();
  const Tensor counter =
      written.at("resnet.embedder.embedder.normalization.num_batches_tracked").aligned();
  EXPECT_EQ(counter.shape(), Shape{});
  EXPECT_EQ(counter.data<std::int64_t>()[0], 0);
}

TEST(ConvertJobTest, ReadsALoneFile) {
  const TempDir dir;
  small_checkpoint().write_file(dir / "best.safetensors");
  const Conversion result = run(request_for(dir / "best.safetensors", dir / "out"));
  EXPECT_TRUE(result.written);
  EXPECT_EQ(result.folder, dir / "out/best");
  EXPECT_FALSE(result.content.processor);
  EXPECT_THAT(told(result.notes),
              AllOf(Contains(EndsWith("best.safetensors: no-config family='ResNet'")),
                    Contains(EndsWith("best.safetensors: processor-not-in-file; "
                                      "give-image-processor()"))));
  EXPECT_THAT(result.card, HasSubstr("- architecture: a standard timm ResNet with ReLU, assumed"));
  EXPECT_EQ(result.verification->input_shape, (Shape{1, 3, 224, 224}));
}

/// A resnet18 of full size, all zeros.
void write_zero_resnet18(const fs::path& file) {
  ResNetConfig network;
  network.layer_type = LayerType::kBasic;
  network.depths = {2, 2, 2, 2};
  network.hidden_sizes = {64, 128, 256, 512};
  network.num_labels = 1000;
  TimmCheckpoint checkpoint = testing::make_timm_checkpoint(network, "resnet18");
  for (auto& [name, tensor] : checkpoint.tensors) {
    if (tensor.dtype() == DType::I64) continue;
    tensor =
        Tensor::of(tensor.shape(), std::vector<float>(static_cast<std::size_t>(tensor.numel())));
  }
  checkpoint.write_file(file);
}

TEST(ConvertJobTest, ReadsALoneFileAsTheNamedModel) {
  const TempDir dir;
  write_zero_resnet18(dir / "weights.pth");
  ConversionRequest request = request_for(dir / "weights.pth", dir / "out");
  request.hints.as = "resnet18.tv_in1k";
  const Conversion result = run(request);
  EXPECT_TRUE(result.written);
  EXPECT_EQ(result.content.config.label(0), "tench, Tinca tinca");
  EXPECT_EQ(result.labels_from, "ImageNet-1k, assumed from 1000 classes and the tag tv_in1k");
  EXPECT_EQ(result.content.processor->resample, 2);
  EXPECT_THAT(result.card, HasSubstr("- weights: tag `tv_in1k`, stated by the user"));
  EXPECT_THAT(told(result.notes), Contains(HasSubstr("weights.pth: wrong-extension format=")));
}

TEST(ConvertJobTest, ComparesTheNamedModelWithTheTensors) {
  const TempDir dir;
  small_checkpoint().write_file(dir / "w.safetensors");
  ConversionRequest request = request_for(dir / "w.safetensors", dir / "out");
  request.hints.as = "resnet50";
  EXPECT_THAT(refusal<MismatchError>([&] { run(request); }),
              HasSubstr("w.safetensors: layer type of resnet50: expected bottleneck"));
  ResNetConfig network = small_checkpoint().network;
  network.depths = {2, 2, 2, 2};
  network.embedding_size = 64;
  network.hidden_sizes = {64, 128, 256, 512};
  testing::make_timm_checkpoint(network, "resnet18").write_file(dir / "w.safetensors");
  request.hints.as = "resnet18";
  EXPECT_THAT(refusal<MismatchError>([&] { run(request); }),
              EndsWith("w.safetensors: resnet18 has 1000 classes, the tensors have 5; "
                       "omit-architecture(); give-image-processor(resnet18)"));
  request.hints.as = "resnet51";
  EXPECT_THAT(refusal<UsageError>([&] { run(request); }),
              StartsWith("as: unknown timm model 'resnet51'; did-you-mean(resnet50, "));
}

}  // namespace
}  // namespace weightlift
