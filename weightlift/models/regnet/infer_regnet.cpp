#include "weightlift/models/regnet/infer_regnet.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "weightlift/base/message.h"
#include "weightlift/models/regnet/regnet.h"
#include "weightlift/models/regnet/regnet_names.h"
#include "weightlift/models/tensor_sizes.h"

namespace weightlift {

namespace {

constexpr auto kForeignToRegNet = std::to_array<ForeignName>({
    {".norm1.", "pre-activation blocks (preact, timm's RegNetV)"},
    {"final_conv.", "a convolution after the last stage (num_features, timm's RegNetZ)"},
    {".downsample.1.", "average-pool shortcuts (downsample avg)"},
    {".conv.bias", "convolutions with biases"},
});

bool is_evidence_of_regnet(std::string_view name) {
  return is_regnet_backbone(name) || name.starts_with("final_conv.");
}

/// A block's shapes, read and checked one by one.
class RegNetBlock {
 public:
  RegNetBlock(const TensorSizes& sizes, std::int64_t stage, std::int64_t number)
      : sizes_(sizes), name_(fmt::format("s{}.b{}", stage, number)) {}

  const std::string& name() const { return name_; }
  bool exists() const { return sizes_.has(weight("conv3.conv")); }
  bool squeezes() const { return sizes_.has(weight("se.fc1")); }
  bool has_shortcut() const { return sizes_.has(weight("downsample.conv")); }
  std::int64_t channels() const { return sizes_.dim(weight("conv3.conv"), 4, 0); }
  std::int64_t group_width() const { return sizes_.dim(weight("conv2.conv"), 4, 1); }

  /// Refuses other kernels and bottlenecks.
  void check_convolutions() const {
    const std::int64_t inside = sizes_.dim(weight("conv1.conv"), 4, 0);
    if (inside != channels()) {
      sizes_.refuse(
          fmt::format("bottlenecks with {} channels inside for {} outside (bottle_ratio), "
                      "RegNet X and Y have as many",
                      inside, channels()));
    }
    check_kernel("conv1.conv", 1);
    check_kernel("conv2.conv", 3);
    check_kernel("conv3.conv", 1);
    if (has_shortcut()) check_kernel("downsample.conv", 1);
  }

  /// Refuses squeeze-and-excitation of another size than transformers'. `in`: the block's input.
  void check_squeeze(std::int64_t in) const {
    const std::int64_t squeezed = sizes_.dim(weight("se.fc1"), 4, 0);
    if (squeezed == regnet_squeezed_channels(in)) return;
    sizes_.refuse(
        fmt::format("squeeze-and-excitation with {} channels in {} (se_ratio), "
                    "transformers' RegNet has a quarter of the block's input, {}",
                    squeezed, name_, regnet_squeezed_channels(in)));
  }

 private:
  std::string weight(std::string_view module) const {
    return fmt::format("{}.{}.weight", name_, module);
  }

  void check_kernel(std::string_view module, std::int64_t expected) const {
    const std::int64_t kernel = sizes_.dim(weight(module), 4, 2);
    if (kernel == expected) return;
    sizes_.refuse(fmt::format("a {0}x{0} convolution in {1}.{2} (RegNet X and Y have {3}x{3})",
                              kernel, name_, module, expected));
  }

  const TensorSizes& sizes_;
  std::string name_;
};

void check_regnet_stem(const TensorSizes& sizes) {
  if (sizes.has("stem.weight") && !sizes.has("stem.conv.weight")) {
    sizes.refuse("a stem without batch norm (preact, timm's RegNetV)");
  }
  const std::int64_t kernel = sizes.dim("stem.conv.weight", 4, 2);
  if (kernel != 3) {
    sizes.refuse(fmt::format("a {0}x{0} stem convolution (RegNet X and Y have 3x3)", kernel));
  }
  sizes.require_statistics();
}

/// Refuses a first block without a shortcut, unless its stride is 1 and its sum needs none; and
/// shortcuts elsewhere.
void check_shortcut(const TensorSizes& sizes, const RegNetBlock& block, bool is_first,
                    bool may_lack_it) {
  if (is_first && !block.has_shortcut() && !may_lack_it) {
    sizes.refuse(fmt::format("no shortcut in {} (downsample none, timm's RegNetZ)", block.name()));
  }
  if (!is_first && block.has_shortcut()) {
    sizes.refuse(fmt::format("a shortcut convolution in {}, not the first block of its stage",
                             block.name()));
  }
}

/// Reads one stage into the config. `in`: its input channels. Returns whether the stage exists.
bool read_stage(const TensorSizes& sizes, std::int64_t stage, std::int64_t in,
                RegNetConfig& config) {
  const RegNetBlock first(sizes, stage, 1);
  if (!first.exists()) return false;
  const std::int64_t width = first.channels();
  const bool may_lack_shortcut = stage == 1 && in == width;
  if (may_lack_shortcut) config.downsample_in_first_stage = first.has_shortcut();
  const bool squeezes = config.layer_type == RegNetType::kY;
  std::int64_t depth = 0;
  for (;; ++depth) {
    const RegNetBlock block(sizes, stage, depth + 1);
    if (!block.exists()) break;
    block.check_convolutions();
    check_shortcut(sizes, block, depth == 0, may_lack_shortcut);
    if (block.squeezes() != squeezes) {
      sizes.refuse(fmt::format("squeeze-and-excitation in some blocks only ({} in {})",
                               squeezes ? "none" : "one", block.name()));
    }
    if (squeezes) block.check_squeeze(depth == 0 ? in : width);
  }
  config.depths.push_back(depth);
  config.hidden_sizes.push_back(width);
  return true;
}

std::int64_t read_groups_width(const TensorSizes& sizes, const RegNetConfig& config) {
  std::vector<RegNetStageWidths> stages;
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < config.hidden_sizes.size(); ++i) {
    const RegNetBlock first(sizes, static_cast<std::int64_t>(i) + 1, 1);
    stages.push_back({config.hidden_sizes[i], first.group_width()});
    texts.push_back(fmt::format("{} of {}", stages.back().group_width, stages.back().channels));
  }
  if (const auto width = find_groups_width(stages)) return *width;
  sizes.refuse(fmt::format("groups that no group width gives (channels per group and stage: {})",
                           fmt::join(texts, ", ")));
}

void read_regnet_head(const TensorSizes& sizes, RegNetConfig& config) {
  config.num_labels = 0;
  if (!sizes.has("head.fc.weight")) return;
  config.num_labels = sizes.dim("head.fc.weight", 2, 0);
  const std::int64_t features = sizes.dim("head.fc.weight", 2, 1);
  const std::int64_t channels = config.hidden_sizes.back();
  if (features == 2 * channels) {
    sizes.refuse("average and maximum pooling side by side (global_pool catavgmax)");
  }
  if (features != channels) {
    sizes.refuse(fmt::format("a classifier on {} features after {} channels", features, channels));
  }
}

}  // namespace

std::optional<std::int64_t> find_groups_width(std::span<const RegNetStageWidths> stages) {
  // A stage of more than one group allows widths up to its own; one of a single group, all above
  // half its channels.
  std::int64_t width = std::numeric_limits<std::int64_t>::max();
  std::int64_t widest = 1;
  for (const auto& [channels, group_width] : stages) {
    if (group_width < channels) width = std::min(width, group_width);
    widest = std::max(widest, channels);
  }
  if (width == std::numeric_limits<std::int64_t>::max()) width = widest;
  const bool fits = std::ranges::all_of(stages, [&](const RegNetStageWidths& stage) {
    const std::int64_t groups = std::max<std::int64_t>(1, stage.channels / width);
    return stage.channels % groups == 0 && stage.channels / groups == stage.group_width;
  });
  if (!fits) return std::nullopt;
  return width;
}

RegNetConfig infer_regnet_config(const StateDict& tensors, const std::string& where) {
  if (tensors.empty()) throw NotFoundError(where, "no tensors found");
  const TensorSizes sizes(tensors, "timm RegNet", where);
  refuse_other_forms(tensors, where, is_evidence_of_regnet);
  refuse_foreign_names(tensors, kForeignToRegNet, where, is_evidence_of_regnet);
  check_regnet_stem(sizes);
  RegNetConfig config;
  config.num_channels = sizes.dim("stem.conv.weight", 4, 1);
  config.embedding_size = sizes.dim("stem.conv.weight", 4, 0);
  config.layer_type = RegNetBlock(sizes, 1, 1).squeezes() ? RegNetType::kY : RegNetType::kX;
  config.depths.clear();
  config.hidden_sizes.clear();
  std::int64_t in = config.embedding_size;
  for (std::int64_t stage = 1; read_stage(sizes, stage, in, config); ++stage) {
    in = config.hidden_sizes.back();
  }
  if (config.depths.empty()) {
    throw NotFoundError(where, "no RegNet blocks found (s1.b1.conv1.conv.weight, ...)");
  }
  config.groups_width = read_groups_width(sizes, config);
  read_regnet_head(sizes, config);
  config.dtype = sizes.common_dtype_of(*make_timm_regnet(config));
  return config;
}

}  // namespace weightlift
