#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/blank_networks.h"
#include "tests/support/refusal.h"
#include "tests/support/timm_checkpoint.h"
#include "weightlift/base/message.h"
#include "weightlift/models/resnet/infer_resnet.h"
#include "weightlift/tensor/convert.h"

namespace weightlift {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::read_networks;
using testing::refusal;
using testing::small_checkpoint;
using testing::sorted;
using ::testing::StartsWith;
using testing::TimmCheckpoint;

ResNetConfig infer(const TimmCheckpoint& checkpoint) {
  return infer_resnet_config(checkpoint.state_dict(), "w");
}

template <class Kind>
std::string refusal_of(const TimmCheckpoint& checkpoint) {
  return refusal<Kind>([&] { infer(checkpoint); });
}

Tensor zeros(const Shape& shape) {
  return Tensor::of(shape, std::vector<float>(static_cast<std::size_t>(numel(shape))));
}

TEST(InferTest, RefusesOtherNetworksWithTheReason) {
  const std::map<std::string, std::string> reasons = {
      {"deep stem", "a deep stem (three 3x3 convolutions) (tensor 'conv1.0.weight')"},
      {"avg_down", "average-pool shortcuts (avg_down) (tensor 'layer"},
      {"replace_stem_pool", "a stem pooling with weights (replace_stem_pool)"},
      {"catavgmax", "average and maximum pooling side by side (global_pool catavgmax)"},
      {"squeeze and excitation", "squeeze-and-excitation blocks (tensor 'layer1.0.se.fc1"},
      {"efficient channel attention", "efficient channel attention (tensor 'layer1.0.se.conv"},
      {"other attention", "attention in its blocks"},
      {"groups", "grouped convolutions (32 groups in layer1.0.conv2)"},
      {"wide", "wide bottlenecks (128 channels inside for 256 outside"},
      {"block_reduce_first", "a reduced first convolution in layer1.0. (block_reduce_first)"},
      {"down_kernel_size", "shortcuts with a larger kernel than 1x1 (down_kernel_size)"},
      {"group norm",
       "no running statistics (running_mean): parameters without buffers, or group norm"},
      {"ResNetV2", "another stem (ResNetV2 or another family)"},
      {"Res2Net", "split convolutions (Res2Net)"},
      {"selective kernels", "selective-kernel convolutions (SKNet)"},
      {"split attention",
       "split-attention convolutions (ResNeSt) (tensor 'layer1.0.conv2.conv.weight"},
      {"vision transformer", "a vision transformer"},
      {"convnext", "another family"},
      {"vgg", "tensor 'conv1.weight': not found, but every timm ResNet has it"},
      // models/names.h renames transformers' tensors before this layer sees them.
      {"transformers", "tensor 'conv1.weight': not found, but every timm ResNet has it"},
      {"transformers backbone", "tensor 'conv1.weight': not found, but every timm ResNet has it"},
  };
  const auto networks = read_networks("other_networks.txt");
  EXPECT_EQ(networks.size(), reasons.size());
  for (const auto& [name, tensors] : networks) {
    ASSERT_TRUE(reasons.contains(name)) << name;
    for (const StateDict& order : {tensors, sorted(tensors)}) {
      const std::string message = refusal<Error>([&] { infer_resnet_config(order, "model.bin"); });
      EXPECT_THAT(message, AllOf(StartsWith("model.bin: "), HasSubstr(reasons.at(name)))) << name;
    }
  }
}

TEST(InferTest, ReadsTheNetworkFromTheTensors) {
  TimmCheckpoint checkpoint = small_checkpoint(LayerType::kBottleneck);
  checkpoint.tensors["conv1.weight"] = zeros({64, 4, 7, 7});
  const ResNetConfig config = infer(checkpoint);
  EXPECT_EQ(config.layer_type, LayerType::kBottleneck);
  EXPECT_THAT(config.depths, ElementsAre(1, 2, 1, 1));
  EXPECT_THAT(config.hidden_sizes, ElementsAre(64, 32, 48, 64));
  EXPECT_EQ(config.embedding_size, 64);
  EXPECT_EQ(config.num_channels, 4);
  EXPECT_EQ(config.num_labels, 5);
  EXPECT_EQ(config.dtype, DType::F32);
}

TEST(InferTest, ReadsAnyNumberOfStages) {
  ResNetConfig network;
  network.layer_type = LayerType::kBasic;
  network.num_labels = 0;
  for (const auto& depths :
       {std::vector<std::int64_t>{3}, std::vector<std::int64_t>{1, 2, 1, 1, 2}}) {
    network.depths = depths;
    network.hidden_sizes.assign(depths.size(), 8);
    const ResNetConfig config = infer(testing::make_timm_checkpoint(network, "resnet18"));
    EXPECT_EQ(config.depths, depths);
    EXPECT_EQ(config.num_labels, 0);
  }
}

TEST(InferTest, ReadsEveryFloatingDtype) {
  for (const DType dtype : {DType::F16, DType::BF16, DType::F64}) {
    TimmCheckpoint checkpoint = small_checkpoint();
    for (auto& [name, tensor] : checkpoint.tensors) {
      if (is_floating(tensor.dtype())) tensor = to_dtype(tensor, dtype);
    }
    EXPECT_EQ(infer(checkpoint).dtype, dtype);
  }
}

TEST(InferTest, FindsTheCommonDtype) {
  EXPECT_EQ(common_dtype({}), DType::F32);
  EXPECT_EQ(common_dtype({DType::F16, DType::F16}), DType::F16);
  EXPECT_EQ(common_dtype({DType::F64, DType::F64}), DType::F64);
  EXPECT_EQ(common_dtype({DType::F16, DType::BF16}), DType::F32);
  EXPECT_EQ(common_dtype({DType::BF16, DType::F32}), DType::F32);
  EXPECT_EQ(common_dtype({DType::F32, DType::F64}), DType::F32);
  TimmCheckpoint checkpoint = small_checkpoint();
  for (auto& [name, tensor] : checkpoint.tensors) {
    const bool weight = is_floating(tensor.dtype()) && tensor.shape().size() > 1;
    if (weight) tensor = to_dtype(tensor, DType::F16);
  }
  EXPECT_EQ(infer(checkpoint).dtype, DType::F32);
}

TEST(InferTest, NamesWhatWasDoneToTheWeights) {
  const std::map<std::string, std::string> causes = {
      {"layer1.0.conv1.weight_mask", "pruned weights (torch.nn.utils.prune)"},
      {"conv1.weight_mask", "pruned weights"},
      {"layer2.0.conv1.parametrizations.weight.original", "parametrized weights"},
      {"layer1.0.conv1.weight_u", "spectral normalization"},
      {"layer1.0.conv1.weight_g", "weight normalization"},
      {"layer1.0.conv1.weight_fake_quant.scale", "quantization-aware training"},
      {"activation_post_process_0.scale", "quantization-aware training"},
      {"layer1.0.conv1.zero_point", "a quantized network"},
      {"layer2.0.conv1.lora_A.weight", "LoRA adapters"},
  };
  for (const auto& [name, cause] : causes) {
    TimmCheckpoint checkpoint = small_checkpoint();
    checkpoint.tensors[name] = zeros({1});
    EXPECT_THAT(refusal_of<UnsupportedError>(checkpoint), HasSubstr(cause)) << name;
  }
}

TEST(InferTest, NamesOtherConvolutions) {
  TimmCheckpoint checkpoint = small_checkpoint();
  checkpoint.tensors["layer3.0.conv1.weight"] = zeros({48, 32, 1, 3, 3});
  EXPECT_THAT(refusal_of<UnsupportedError>(checkpoint),
              HasSubstr("convolutions of three dimensions, as for videos and volumes (tensor "
                        "'layer3.0.conv1.weight' [48, 32, 1, 3, 3])"));
  checkpoint = small_checkpoint();
  checkpoint.tensors["conv1.weight"] = zeros({64, 3, 7});
  EXPECT_THAT(refusal_of<UnsupportedError>(checkpoint), HasSubstr("convolutions of one dimension"));
  StateDict flattened;
  flattened.insert("_fsdp_wrapped_module._flat_param", zeros({9}));
  EXPECT_THAT(refusal<UnsupportedError>([&] { infer_resnet_config(flattened, "w"); }),
              HasSubstr("flattened parameters of FSDP"));
}

TEST(InferTest, RefusesIntegerWeights) {
  TimmCheckpoint checkpoint = small_checkpoint();
  checkpoint.tensors["fc.bias"] = Tensor::of({5}, std::vector<std::int64_t>(5));
  EXPECT_EQ(refusal_of<UnsupportedError>(checkpoint),
            "w: tensor 'fc.bias': expected F32, F16, BF16 or F64, got I64");
}

TEST(InferTest, RefusesAnEmptyFile) {
  EXPECT_EQ(refusal<NotFoundError>([] { infer_resnet_config({}, "w"); }), "w: no tensors found");
}

TEST(InferTest, RefusesAShortcutWithoutItsConvolution) {
  TimmCheckpoint checkpoint = small_checkpoint();
  checkpoint.tensors.erase("layer2.0.downsample.0.weight");
  EXPECT_EQ(refusal_of<UnsupportedError>(checkpoint),
            "w: unsupported network: average-pool shortcuts (avg_down)");
}

TEST(InferTest, RefusesAnotherStem) {
  TimmCheckpoint checkpoint = small_checkpoint();
  checkpoint.tensors["conv1.weight"] = zeros({64, 3, 3, 3});
  EXPECT_EQ(refusal_of<UnsupportedError>(checkpoint),
            "w: unsupported network: a 3x3 stem convolution (plain is 7x7)");
}

TEST(InferTest, NamesTensorsOfAnotherRank) {
  TimmCheckpoint checkpoint = small_checkpoint();
  checkpoint.tensors["conv1.weight"] = zeros({64, 147});
  EXPECT_THAT(
      refusal_of<MismatchError>(checkpoint),
      HasSubstr("tensor 'conv1.weight': expected 4 dimensions without zeros, got [64, 147]"));
  checkpoint.tensors["conv1.weight"] = zeros({64, 0, 7, 7});
  EXPECT_THAT(refusal_of<MismatchError>(checkpoint), HasSubstr("got [64, 0, 7, 7]"));
}

TEST(InferTest, RefusesFilesWithoutBlocks) {
  TimmCheckpoint checkpoint = small_checkpoint();
  std::erase_if(checkpoint.tensors,
                [](const auto& entry) { return entry.first.starts_with("layer"); });
  EXPECT_EQ(refusal_of<NotFoundError>(checkpoint),
            "w: no ResNet blocks found (layer1.0.conv1.weight, ...)");
}

TEST(InferTest, NamesAMissingTensor) {
  TimmCheckpoint checkpoint = small_checkpoint();
  checkpoint.tensors.erase("layer1.0.conv1.weight");
  EXPECT_THAT(refusal_of<NotFoundError>(checkpoint),
              HasSubstr("w: tensor 'layer1.0.conv1.weight': not found"));
}

TEST(InferTest, AMissingStatisticIsNotGroupNorm) {
  TimmCheckpoint checkpoint = small_checkpoint();
  checkpoint.tensors.erase("bn1.running_mean");
  EXPECT_EQ(infer(checkpoint).num_labels, 5);  // loading reports the missing tensor
}

TEST(InferTest, IgnoresTensorsOutsideTheNetwork) {
  TimmCheckpoint checkpoint = small_checkpoint();
  checkpoint.tensors["teacher.patch_embed.weight"] = zeros({1});
  checkpoint.tensors["decoder.blocks.0.norm1.weight"] = Tensor::of({1}, std::vector<double>{1});
  EXPECT_EQ(infer(checkpoint).num_labels, 5);
  EXPECT_EQ(infer(checkpoint).dtype, DType::F32);
}

TEST(InferTest, PrintsHostileNamesOnOneLine) {
  TimmCheckpoint checkpoint = small_checkpoint();
  checkpoint.tensors["layer1.0.\x1b[2J.se.\n" + std::string(1000, 'x')] = zeros({1});
  const std::string message = refusal_of<UnsupportedError>(checkpoint);
  EXPECT_THAT(message, HasSubstr("layer1.0.\\x1b[2J.se.\\x0a"));
  EXPECT_LT(message.size(), 400U);
}

}  // namespace
}  // namespace weightlift
