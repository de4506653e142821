#include "weightlift/models/infer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

#include "weightlift/base/error.h"
#include "weightlift/base/hint.h"
#include "weightlift/models/names.h"
#include "weightlift/models/resnet.h"

namespace weightlift {

namespace {

// Part of a tensor name that no supported network has, and the reason to report. The first row that
// any tensor matches gives the reason: rows of families precede rows of blocks that they share.
struct Trace {
  std::string_view name_part;
  std::string_view reason;
  std::string_view advice = {};
};

constexpr std::string_view kRemovePruning =
    "call torch.nn.utils.prune.remove() on each pruned module and save again";
constexpr std::string_view kRemoveParametrization =
    "call torch.nn.utils.parametrize.remove_parametrizations() on each module and save again";
constexpr std::string_view kRemoveNorm =
    "call torch.nn.utils.remove_spectral_norm() or remove_weight_norm() and save again";
constexpr std::string_view kConvertFloat = "convert the float checkpoint that it was trained from";

constexpr std::array<Trace, 28> kTraces = {{
    {"weight_mask", "pruned weights (torch.nn.utils.prune)", kRemovePruning},
    {".parametrizations.", "parametrized weights (torch.nn.utils.parametrize)",
     kRemoveParametrization},
    {".weight_u", "spectral normalization", kRemoveNorm},
    {".weight_g", "weight normalization", kRemoveNorm},
    {"fake_quant", "quantization-aware training", kConvertFloat},
    {"activation_post_process", "quantization-aware training", kConvertFloat},
    {"_packed_params", "a quantized network", kConvertFloat},
    {".zero_point", "a quantized network", kConvertFloat},
    {".qweight", "a quantized network", kConvertFloat},
    {"flat_param", "flattened parameters of FSDP",
     "save a full state dict (StateDictType.FULL_STATE_DICT)"},
    {"layers.0.0.conv1.", "layer names of NVIDIA's DeepLearningExamples",
     "rename layers.0 to layer1, layers.1 to layer2 and so on, and save again"},
    {"lora_A", "LoRA adapters", "merge them into the weights and save again"},
    {"temporal_", "a video network"},
    {"conv1.0.0.", "a video network"},
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

[[noreturn]] void refuse(const std::string& where, std::string_view reason,
                         std::string_view what_to_do = {}) {
  throw UnsupportedError(where, fmt::format("unsupported network: {}", reason),
                         what_to_do.empty() ? Hints() : advice(std::string(what_to_do)));
}

/// Whether the tensor shows what the network is. A file with the blocks of a ResNet may also hold
/// a teacher or a decoder, so there only the ResNet's own layers count.
bool is_evidence(std::string_view name, bool has_blocks) {
  return !has_blocks || is_of_backbone(name) || name.starts_with("maxpool.") ||
         name.starts_with("activation_post_process");
}

void refuse_foreign_names(const StateDict& tensors, const std::string& where) {
  const bool has_blocks = tensors.contains("layer1.0.conv1.weight");
  for (const Trace& trace : kTraces) {
    for (const auto& [name, tensor] : tensors) {
      if (is_evidence(name, has_blocks) && name.find(trace.name_part) != std::string::npos) {
        refuse(where, fmt::format("{} (tensor '{}')", trace.reason, printable(name)), trace.advice);
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

/// Refuses convolutions of one and three dimensions, which have the names of those of two.
void refuse_other_ranks(const StateDict& tensors, const std::string& where) {
  const bool has_blocks = tensors.contains("layer1.0.conv1.weight");
  const Tensor* stem = tensors.find("conv1.weight");
  if (stem != nullptr && stem->shape().size() == 3) refuse(where, "convolutions of one dimension");
  for (const auto& [name, tensor] : tensors) {
    if (tensor.shape().size() == 5 && is_evidence(name, has_blocks)) {
      refuse(where, fmt::format("convolutions of three dimensions, as for videos and volumes "
                                "(tensor '{}' {})",
                                printable(name), to_string(tensor.shape())));
    }
  }
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
  if (statistics) return;
  refuse(where, "no running statistics (running_mean): parameters without buffers, or group norm",
         "if the network has batch norm, save model.state_dict(), not named_parameters()");
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

/// The common dtype of the network's tensors. Other tensors of the file may have other dtypes.
DType dtype_of_slots(const StateDict& tensors, const ResNetConfig& config,
                     const std::string& where) {
  std::vector<DType> dtypes;
  for (const Module::Slot& slot : make_timm_resnet(config)->slots()) {
    const Tensor* tensor = slot.counter ? nullptr : tensors.find(slot.name);
    if (tensor == nullptr) continue;
    if (!is_floating(tensor->dtype())) {
      throw UnsupportedError(
          fmt::format("{}: tensor '{}'", where, printable(slot.name)),
          fmt::format("expected F32, F16, BF16 or F64, got {}", to_string(tensor->dtype())));
    }
    dtypes.push_back(tensor->dtype());
  }
  return common_dtype(dtypes);
}

}  // namespace

DType common_dtype(const std::vector<DType>& dtypes) {
  if (dtypes.empty()) return DType::F32;
  const bool equal = std::ranges::all_of(dtypes, [&](DType d) { return d == dtypes.front(); });
  return equal ? dtypes.front() : DType::F32;
}

ResNetConfig infer_resnet_config(const StateDict& tensors, const std::string& where) {
  if (tensors.empty()) {
    throw NotFoundError(where, "no tensors found");
  }
  refuse_foreign_names(tensors, where);
  refuse_other_ranks(tensors, where);
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
  config.dtype = dtype_of_slots(tensors, config, where);
  return config;
}

void require_agreement(const ResNetConfig& stated, const ResNetConfig& shown,
                       const std::string& where) {
  const auto require = [&](std::string_view key, const std::string& promised,
                           const std::string& found) {
    if (promised == found) return;
    throw MismatchError(where,
                        fmt::format("{} is {}, but the tensors have {}", key, promised, found));
  };
  const auto list = [](const std::vector<std::int64_t>& values) {
    return fmt::format("[{}]", fmt::join(values, ", "));
  };
  require("layer_type", std::string(to_string(stated.layer_type)),
          std::string(to_string(shown.layer_type)));
  require("depths", list(stated.depths), list(shown.depths));
  require("hidden_sizes", list(stated.hidden_sizes), list(shown.hidden_sizes));
  require("embedding_size", std::to_string(stated.embedding_size),
          std::to_string(shown.embedding_size));
  require("num_channels", std::to_string(stated.num_channels), std::to_string(shown.num_channels));
  if (stated.head == Head::kClassifier && shown.num_labels > 0) {
    require("num_labels", std::to_string(stated.num_labels), std::to_string(shown.num_labels));
  }
}

void take_statements(const ResNetConfig& stated, ResNetConfig& config) {
  config.hidden_act = stated.hidden_act;
  config.downsample_in_first_stage = stated.downsample_in_first_stage;
  config.downsample_in_bottleneck = stated.downsample_in_bottleneck;
  if (config.num_labels == 0 || stated.head != Head::kClassifier) return;
  config.problem_type = stated.problem_type;
  config.id2label = stated.id2label;
}

}  // namespace weightlift
