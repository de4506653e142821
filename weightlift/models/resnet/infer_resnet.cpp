#include "weightlift/models/resnet/infer_resnet.h"

#include <fmt/format.h>

#include <array>

#include "weightlift/base/message.h"
#include "weightlift/models/resnet/resnet.h"
#include "weightlift/models/resnet/resnet_names.h"
#include "weightlift/models/tensor_sizes.h"

namespace weightlift {

namespace {

/// Rows of families precede rows of blocks that they share.
constexpr auto kForeignNames = std::to_array<ForeignName>({
    {"layers.0.0.conv1.", "layer names of NVIDIA's DeepLearningExamples",
     "rename layers.0 to layer1, layers.1 to layer2 and so on, and save again"},
    {"temporal_", "a video network"},
    {"conv1.0.0.", "a video network"},
    {"patch_embed", "a vision transformer"},
    {"stem.conv", "another stem (ResNetV2 or another family)"},
    {".norm1.", "pre-activation blocks or another block form (ResNetV2)"},
    {"blocks.", "another family"},
    {"conv1.0.", "a deep stem (three 3x3 convolutions)"},
    {"downsample.2.", "average-pool shortcuts (avg_down)"},
    {"maxpool.", "a stem pooling with weights (replace_stem_pool)"},
    {".se.fc1.", "squeeze-and-excitation blocks"},
    {".se.conv.", "efficient channel attention"},
    {".paths.", "selective-kernel convolutions (SKNet)"},
    {".conv2.conv.", "split-attention convolutions (ResNeSt)"},
    {".convs.", "split convolutions (Res2Net)"},
    {".se.", "attention in its blocks"},
    {".attn.", "attention in its blocks"},
});

bool is_own_layer(std::string_view name) {
  return is_resnet_backbone(name) || name.starts_with("maxpool.") ||
         name.starts_with("activation_post_process");
}

/// Whether a tensor shows what the network is. A file with the blocks of a ResNet may also hold a
/// teacher or a decoder, so there only the ResNet's own layers count.
using IsEvidence = bool (*)(std::string_view name);
IsEvidence evidence_in(const StateDict& tensors) {
  constexpr IsEvidence kAnyTensor = [](std::string_view) { return true; };
  return tensors.contains("layer1.0.conv1.weight") ? is_own_layer : kAnyTensor;
}

/// Refuses convolutions of one and three dimensions, which have the names of those of two.
void refuse_other_ranks(const StateDict& tensors, const TensorSizes& sizes) {
  const Tensor* stem = tensors.find("conv1.weight");
  if (stem != nullptr && stem->shape().size() == 3) sizes.refuse("convolutions of one dimension");
  const IsEvidence is_evidence = evidence_in(tensors);
  for (const auto& [name, tensor] : tensors) {
    if (tensor.shape().size() == 5 && is_evidence(name)) {
      sizes.refuse(
          fmt::format("convolutions of three dimensions, as for videos and volumes "
                      "(tensor '{}' {})",
                      printable(name), to_string(tensor.shape())));
    }
  }
}

/// Number of blocks "prefix0.", "prefix1.", ... that have a convolution.
std::int64_t count_blocks(const TensorSizes& sizes, const std::string& prefix,
                          const std::string& suffix) {
  std::int64_t count = 0;
  while (sizes.has(fmt::format("{}{}{}", prefix, count, suffix))) ++count;
  return count;
}

void check_stem(const TensorSizes& sizes) {
  const std::int64_t kernel = sizes.dim("conv1.weight", 4, 2);
  if (kernel != 7) sizes.refuse(fmt::format("a {0}x{0} stem convolution (plain is 7x7)", kernel));
  sizes.require_statistics();
}

/// Refuses unsupported groups, widths, kernels and reductions, which the shapes show.
void check_first_block(const TensorSizes& sizes, const std::string& stage, LayerType type) {
  const std::string block = stage + "0.";
  const std::int64_t out1 = sizes.dim(block + "conv1.weight", 4, 0);
  const std::int64_t in2 = sizes.dim(block + "conv2.weight", 4, 1);
  const std::int64_t out2 = sizes.dim(block + "conv2.weight", 4, 0);
  if (in2 != out1) {
    if (out1 % in2 == 0) {
      sizes.refuse(fmt::format("grouped convolutions ({} groups in {}conv2)", out1 / in2, block));
    }
    sizes.refuse(fmt::format("{}conv2 with {} input channels after {}", block, in2, out1));
  }
  if (out1 != out2) {
    sizes.refuse(fmt::format("a reduced first convolution in {} (block_reduce_first)", block));
  }
  if (type == LayerType::kBottleneck) {
    const std::int64_t out3 = sizes.dim(block + "conv3.weight", 4, 0);
    if (out3 % 4 != 0 || out2 != out3 / 4) {
      sizes.refuse(
          fmt::format("wide bottlenecks ({} channels inside for {} outside, plain is a "
                      "quarter)",
                      out2, out3));
    }
  }
  const std::string shortcut = block + "downsample.0.weight";
  if (sizes.has(shortcut) && sizes.dim(shortcut, 4, 2) != 1) {
    sizes.refuse("shortcuts with a larger kernel than 1x1 (down_kernel_size)");
  }
  if (sizes.has(block + "downsample.1.weight") && !sizes.has(shortcut)) {
    sizes.refuse("average-pool shortcuts (avg_down)");
  }
}

}  // namespace

ResNetConfig infer_resnet_config(const StateDict& tensors, const std::string& where) {
  if (tensors.empty()) {
    throw NotFoundError(where, "no tensors found");
  }
  const TensorSizes sizes(tensors, "timm ResNet", where);
  refuse_other_forms(tensors, where, evidence_in(tensors));
  refuse_foreign_names(tensors, kForeignNames, where, evidence_in(tensors));
  refuse_other_ranks(tensors, sizes);
  check_stem(sizes);
  ResNetConfig config;
  config.num_channels = sizes.dim("conv1.weight", 4, 1);
  config.embedding_size = sizes.dim("conv1.weight", 4, 0);
  config.layer_type =
      sizes.has("layer1.0.conv3.weight") ? LayerType::kBottleneck : LayerType::kBasic;
  const std::string last_conv =
      config.layer_type == LayerType::kBottleneck ? ".conv3.weight" : ".conv2.weight";
  config.depths.clear();
  config.hidden_sizes.clear();
  for (std::int64_t stage = 1;; ++stage) {
    const std::string prefix = fmt::format("layer{}.", stage);
    const std::int64_t depth = count_blocks(sizes, prefix, last_conv);
    if (depth == 0) break;
    check_first_block(sizes, prefix, config.layer_type);
    config.depths.push_back(depth);
    config.hidden_sizes.push_back(sizes.dim(fmt::format("{}0{}", prefix, last_conv), 4, 0));
  }
  if (config.depths.empty()) {
    throw NotFoundError(where, "no ResNet blocks found (layer1.0.conv1.weight, ...)");
  }
  config.num_labels = 0;
  if (sizes.has("fc.weight")) {
    config.num_labels = sizes.dim("fc.weight", 2, 0);
    const std::int64_t features = sizes.dim("fc.weight", 2, 1);
    if (features == 2 * config.hidden_sizes.back()) {
      sizes.refuse("average and maximum pooling side by side (global_pool catavgmax)");
    }
  }
  config.dtype = sizes.common_dtype_of(*make_timm_resnet(config));
  return config;
}

}  // namespace weightlift
