#include "weightlift/models/infer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "weightlift/base/error.h"
#include "weightlift/models/names.h"
#include "weightlift/models/resnet.h"

namespace weightlift {

namespace {

// Part of a tensor name that no supported network has, and the reason to report. The first row that
// any tensor matches gives the reason: rows of families precede rows of blocks that they share.
struct Trace {
  std::string_view name_part;
  std::string_view reason;
};

constexpr std::array<Trace, 14> kTraces = {{
    {"patch_embed", "a vision transformer"},
    {"stem.conv", "another stem (ResNetV2 or another family)"},
    {".norm1.", "pre-activation blocks or another block form (ResNetV2)"},
    {"blocks.", "not a ResNet"},
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
}};

[[noreturn]] void refuse(const std::string& where, std::string_view reason) {
  throw UnsupportedError(where, fmt::format("unsupported network: {}", reason));
}

/// Whether the tensor shows what the network is. A file with the blocks of a ResNet may also hold
/// a teacher or a decoder, so there only the ResNet's own layers count.
bool is_evidence(std::string_view name, bool has_blocks) {
  return !has_blocks || is_of_backbone(name) || name.starts_with("maxpool.");
}

void refuse_foreign_names(const StateDict& tensors, const std::string& where) {
  const bool has_blocks = tensors.contains("layer1.0.conv1.weight");
  for (const Trace& trace : kTraces) {
    for (const auto& [name, tensor] : tensors) {
      if (is_evidence(name, has_blocks) && name.find(trace.name_part) != std::string::npos) {
        refuse(where, fmt::format("{} (tensor '{}')", trace.reason, printable(name)));
      }
    }
  }
}

/// Dimension `index` of a tensor of rank `rank`.
std::int64_t dim(const StateDict& tensors, const std::string& name, std::size_t rank,
                 std::size_t index, const std::string& where) {
  const Tensor* tensor = tensors.find(name);
  if (tensor == nullptr) {
    throw NotFoundError(fmt::format("{}: tensor '{}'", where, name),
                        "not found, but every timm ResNet has it");
  }
  if (tensor->shape().size() != rank || tensor->numel() == 0) {
    throw MismatchError(fmt::format("{}: tensor '{}'", where, name),
                        fmt::format("expected {} dimensions without zeros, got {}", rank,
                                    to_string(tensor->shape())));
  }
  return tensor->shape()[index];
}

/// Number of blocks "prefix0.", "prefix1.", ... that have a convolution.
std::int64_t count_blocks(const StateDict& tensors, const std::string& prefix,
                          const std::string& suffix) {
  std::int64_t count = 0;
  while (tensors.contains(fmt::format("{}{}{}", prefix, count, suffix))) ++count;
  return count;
}

void check_stem(const StateDict& tensors, const std::string& where) {
  const std::int64_t kernel = dim(tensors, "conv1.weight", 4, 2, where);
  if (kernel != 7) refuse(where, fmt::format("a {0}x{0} stem convolution (plain is 7x7)", kernel));
  const bool statistics = std::ranges::any_of(
      tensors, [](const auto& entry) { return entry.first.ends_with(".running_mean"); });
  if (!statistics) refuse(where, "normalization without running statistics (group norm)");
}

/// Refuses unsupported groups, widths, kernels and reductions, which the shapes show.
void check_first_block(const StateDict& tensors, const std::string& stage, LayerType type,
                       const std::string& where) {
  const std::string block = stage + "0.";
  const std::int64_t out1 = dim(tensors, block + "conv1.weight", 4, 0, where);
  const std::int64_t in2 = dim(tensors, block + "conv2.weight", 4, 1, where);
  const std::int64_t out2 = dim(tensors, block + "conv2.weight", 4, 0, where);
  if (in2 != out1) {
    if (out1 % in2 == 0) {
      refuse(where, fmt::format("grouped convolutions ({} groups in {}conv2)", out1 / in2, block));
    }
    refuse(where, fmt::format("{}conv2 with {} input channels after {}", block, in2, out1));
  }
  if (out1 != out2) {
    refuse(where, fmt::format("a reduced first convolution in {} (block_reduce_first)", block));
  }
  if (type == LayerType::kBottleneck) {
    const std::int64_t out3 = dim(tensors, block + "conv3.weight", 4, 0, where);
    if (out3 % 4 != 0 || out2 != out3 / 4) {
      refuse(where, fmt::format("wide bottlenecks ({} channels inside for {} outside, plain is a "
                                "quarter)",
                                out2, out3));
    }
  }
  const std::string shortcut = block + "downsample.0.weight";
  if (tensors.contains(shortcut) && dim(tensors, shortcut, 4, 2, where) != 1) {
    refuse(where, "shortcuts with a larger kernel than 1x1 (down_kernel_size)");
  }
  if (tensors.contains(block + "downsample.1.weight") && !tensors.contains(shortcut)) {
    refuse(where, "average-pool shortcuts (avg_down)");
  }
}

/// The dtype of the network's tensors. Other tensors of the file may have other dtypes.
DType floating_dtype(const StateDict& tensors, const ResNetConfig& config,
                     const std::string& where) {
  std::set<std::string> slots;
  for (const Module::Slot& slot : make_timm_resnet(config)->slots()) {
    if (!slot.counter) slots.insert(slot.name);
  }
  std::optional<std::pair<std::string, DType>> first;
  for (const auto& [name, tensor] : tensors) {
    if (!slots.contains(name)) continue;
    if (!is_floating(tensor.dtype())) {
      throw UnsupportedError(
          fmt::format("{}: tensor '{}'", where, printable(name)),
          fmt::format("expected F32, F16, BF16 or F64, got {}", to_string(tensor.dtype())));
    }
    if (!first) first = {name, tensor.dtype()};
    if (tensor.dtype() != first->second) {
      throw MismatchError(fmt::format("{}: tensor '{}'", where, printable(name)),
                          fmt::format("expected one dtype for all weights ({} as in '{}'), got {}",
                                      to_string(first->second), printable(first->first),
                                      to_string(tensor.dtype())));
    }
  }
  return first ? first->second : DType::F32;
}

}  // namespace

ResNetConfig infer_resnet_config(const StateDict& tensors, const std::string& where) {
  if (tensors.empty()) {
    throw NotFoundError(where, "no tensors found");
  }
  refuse_foreign_names(tensors, where);
  check_stem(tensors, where);
  ResNetConfig config;
  config.num_channels = dim(tensors, "conv1.weight", 4, 1, where);
  config.embedding_size = dim(tensors, "conv1.weight", 4, 0, where);
  config.layer_type =
      tensors.contains("layer1.0.conv3.weight") ? LayerType::kBottleneck : LayerType::kBasic;
  const std::string last_conv =
      config.layer_type == LayerType::kBottleneck ? ".conv3.weight" : ".conv2.weight";
  config.depths.clear();
  config.hidden_sizes.clear();
  for (std::int64_t stage = 1;; ++stage) {
    const std::string prefix = fmt::format("layer{}.", stage);
    const std::int64_t depth = count_blocks(tensors, prefix, last_conv);
    if (depth == 0) break;
    check_first_block(tensors, prefix, config.layer_type, where);
    config.depths.push_back(depth);
    config.hidden_sizes.push_back(
        dim(tensors, fmt::format("{}0{}", prefix, last_conv), 4, 0, where));
  }
  if (config.depths.empty()) {
    throw NotFoundError(where, "no ResNet blocks found (layer1.0.conv1.weight, ...)");
  }
  config.num_labels = 0;
  if (tensors.contains("fc.weight")) {
    config.num_labels = dim(tensors, "fc.weight", 2, 0, where);
    const std::int64_t features = dim(tensors, "fc.weight", 2, 1, where);
    if (features == 2 * config.hidden_sizes.back()) {
      refuse(where, "average and maximum pooling side by side (global_pool catavgmax)");
    }
  }
  config.dtype = floating_dtype(tensors, config, where);
  return config;
}

}  // namespace weightlift
