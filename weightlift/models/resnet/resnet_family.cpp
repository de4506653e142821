#include "weightlift/models/resnet/resnet_family.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "weightlift/base/json.h"
#include "weightlift/base/message.h"
#include "weightlift/error.h"
#include "weightlift/models/config_json.h"
#include "weightlift/models/resnet/infer_resnet.h"
#include "weightlift/models/resnet/resnet.h"
#include "weightlift/models/resnet/resnet_config.h"
#include "weightlift/models/resnet/resnet_names.h"
#include "weightlift/models/resnet/resnet_tags.h"
#include "weightlift/models/timm_config.h"

namespace weightlift {

namespace {

using OrderedJson = nlohmann::ordered_json;
using Sizes = std::vector<std::int64_t>;
using Use = ModelArgument::Use;

// What timm's class has, and torchvision's.
constexpr std::size_t kStages = 4;
constexpr std::int64_t kStem = 64;
constexpr std::int64_t kExpansion = 4;  // of a bottleneck's channels
constexpr std::array<std::int64_t, kStages> kChannels = {64, 128, 256, 512};

constexpr auto kArguments = std::to_array<ModelArgument>({
    {.key = "layers", .use = Use::kShown},
    {.key = "channels", .use = Use::kShown},
    {.key = "stem_width"},  // only a deep stem has a width
    {.key = "drop_rate"},
    {.key = "drop_path_rate"},
    {.key = "drop_block_rate"},
    {.key = "zero_init_last"},
    {.key = "device"},
    {.key = "dtype"},
    {.key = "stem_type", .values = R"("" null)", .reason = "other stems are deeper"},
    {.key = "replace_stem_pool", .values = "false"},
    {.key = "avg_down", .values = "false", .reason = "its shortcuts pool first"},
    {.key = "block_args", .values = "null {}"},
    {.key = "norm_layer", .values = R"(null "batchnorm2d")"},
    {.key = "cardinality", .values = "1"},
    {.key = "base_width", .values = "64"},
    {.key = "block_reduce_first", .values = "1"},
    {.key = "down_kernel_size", .values = "1"},
    {.key = "act_layer",
     .values = R"(null "relu")",
     .reason = "transformers' ResNet has ReLU inside its blocks"},
    {.key = "output_stride", .values = "32", .reason = "smaller ones dilate convolutions"},
    {.key = "aa_layer", .values = R"(null "")"},
    {.key = "global_pool", .values = R"("avg" "fast" "fastavg")"},
});

const ResNetArchitecture* find_resnet(std::string_view name) {
  const auto found = std::ranges::find(resnet_architectures(), name, &ResNetArchitecture::name);
  return found == resnet_architectures().end() ? nullptr : &*found;
}

class ResNet : public Network {
 public:
  explicit ResNet(ResNetConfig config) : config_(std::move(config)) {}

  const ResNetConfig& config() const { return config_; }

  const Family& family() const override { return resnet_family(); }
  std::int64_t features() const override { return config_.hidden_sizes.back(); }

  std::unique_ptr<Module> make(Form tree, const ModelConfig& config) const override {
    const ResNetConfig full = with(config);
    if (tree == Form::kTransformers) return make_hf_resnet(full, config.head);
    if (tree == Form::kTorchvision) require_torchvisions_shape(full);
    return make_timm_resnet(full, config.head);
  }

  std::string transformers_config(const ModelConfig& config) const override {
    return to_config_json(with(config));
  }

  TimmConfig timm_config() const override;
  std::string torchvision_code(const ModelConfig& config) const override;

  std::string describe() const override {
    return fmt::format("{} blocks {}, channels {}", to_string(config_.layer_type), config_.depths,
                       config_.hidden_sizes);
  }

  std::string sizes_json() const override {
    OrderedJson json = {{"layer_type", to_string(config_.layer_type)},
                        {"depths", config_.depths},
                        {"hidden_sizes", config_.hidden_sizes},
                        {"embedding_size", config_.embedding_size}};
    return dump_json_line(json);
  }

 private:
  ResNetConfig with(const ModelConfig& config) const {
    ResNetConfig full = config_;
    static_cast<ModelConfig&>(full) = config;
    return full;
  }

  /// Channels per stage as timm's argument counts them.
  Sizes timm_channels() const {
    Sizes channels = config_.hidden_sizes;
    for (std::int64_t& width : channels) {
      if (config_.layer_type == LayerType::kBottleneck) width /= kExpansion;
    }
    return channels;
  }

  void require_timms_shape() const;

  /// torchvision's class has blocks and the number of classes as its only arguments.
  void require_torchvisions_shape(const ResNetConfig& config) const {
    require_timms_shape();
    if (std::ranges::equal(timm_channels(), kChannels) && config.num_channels == 3) return;
    throw UnsupportedError(
        "",
        fmt::format("torchvision's ResNet has 64, 128, 256, 512 channels and 3 input channels, "
                    "this network has {} and {}",
                    config.hidden_sizes, config.num_channels),
        {{HintCode::kTargetTimm, {}}});
  }

  ResNetConfig config_;  // sizes alone: make() gets the common part
};

void ResNet::require_timms_shape() const {
  const auto require = [](bool same, std::string_view timms, std::string_view of_network) {
    if (same) return;
    throw UnsupportedError(
        fmt::format("timm's ResNet has {}, this network has {}", timms, of_network));
  };
  require(config_.depths.size() == kStages, "4 stages", std::to_string(config_.depths.size()));
  require(config_.embedding_size == kStem, "64 channels in the stem (embedding_size)",
          std::to_string(config_.embedding_size));
  require(config_.hidden_act == Activation::kRelu, "hidden_act relu",
          to_string(config_.hidden_act));
  require(!config_.downsample_in_first_stage, "no stride in the first stage",
          "downsample_in_first_stage");
  require(!config_.downsample_in_bottleneck, "strides on the 3x3 convolutions",
          "downsample_in_bottleneck");
}

/// The architecture with these blocks, else one that takes them as an argument.
TimmConfig ResNet::timm_config() const {
  require_timms_shape();
  const auto type = [&](const ResNetArchitecture& one) {
    return one.layer_type == to_string(config_.layer_type);
  };
  const auto found = std::ranges::find_if(resnet_architectures(), [&](const auto& one) {
    return type(one) && std::ranges::equal(one.depths, config_.depths);
  });
  const bool known = found != resnet_architectures().end();
  TimmConfig made;
  made.architecture = known                                     ? found->name
                      : config_.layer_type == LayerType::kBasic ? "resnet18"
                                                                : "resnet50";
  OrderedJson args = OrderedJson::object();
  if (!known) args["layers"] = config_.depths;
  const Sizes channels = timm_channels();
  if (!std::ranges::equal(channels, kChannels)) args["channels"] = channels;
  made.model_args = dump_json_line(args);
  return made;
}

std::string ResNet::torchvision_code(const ModelConfig& config) const {
  return fmt::format(
      "from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet\n\n"
      "model = ResNet({}, {}, num_classes={})\n",
      config_.layer_type == LayerType::kBasic ? "BasicBlock" : "Bottleneck", config_.depths,
      config.num_labels);
}

const ResNetConfig& config_of(const Network& network) {
  return static_cast<const ResNet&>(network).config();
}

class ResNetFamily : public Family {
 public:
  std::string_view model_type() const override { return "resnet"; }
  std::string_view name() const override { return "ResNet"; }
  std::span<const std::string_view> transformers_classes() const override { return kResNetClasses; }
  std::span<const Dialect> dialects() const override { return resnet_dialects(); }
  std::string_view head(Form tree) const override {
    return tree == Form::kTransformers ? "classifier.1" : "fc";
  }
  std::string_view first_convolution() const override { return "conv1"; }
  bool is_of_backbone(std::string_view timm_name) const override {
    return is_resnet_backbone(timm_name);
  }

  std::span<const PretrainedCfg> tags() const override { return resnet_tags(); }
  std::vector<std::string_view> architectures() const override {
    std::vector<std::string_view> names;
    for (const ResNetArchitecture& one : resnet_architectures()) names.push_back(one.name);
    return names;
  }
  std::span<const ModelArgument> arguments() const override { return kArguments; }
  std::string folder_name(std::string_view architecture) const override {
    return fmt::format("resnet-{}", architecture.substr(model_type().size()));
  }

  /// In transformers' naming, a RegNet has a last convolution with as many inputs as outputs, or
  /// more than three layers.
  bool is_mine(const StateDict& tensors, const Dialect& dialect) const override {
    if (dialect.form != Form::kTransformers) return true;
    const Tensor* last = tensors.find("layer1.0.conv3.weight");
    const bool square =
        last != nullptr && last->shape().size() == 4 && last->shape()[0] == last->shape()[1];
    return !square && !tensors.contains("layer1.0.conv4.weight");
  }

  Model from_tensors(const StateDict& tensors, const std::string& where) const override {
    const ResNetConfig config = infer_resnet_config(tensors, where);
    return {std::make_shared<ResNet>(config), config};
  }

  Model from_transformers_config(std::string_view json, const std::string& where) const override {
    const ResNetConfig config = parse_resnet_config(json, where);
    return {std::make_shared<ResNet>(config), config};
  }

  std::shared_ptr<const Network> merge(const Network& stated, const Network& shown) const override {
    const ResNetConfig& of_config = config_of(stated);
    ResNetConfig merged = config_of(shown);
    merged.hidden_act = of_config.hidden_act;
    merged.downsample_in_first_stage = of_config.downsample_in_first_stage;
    merged.downsample_in_bottleneck = of_config.downsample_in_bottleneck;
    return std::make_shared<ResNet>(merged);
  }

  std::shared_ptr<const Network> merge_timm(std::string_view architecture,
                                            std::string_view model_args,
                                            std::shared_ptr<const Network> shown,
                                            const std::string& where) const override;
};

std::shared_ptr<const Network> ResNetFamily::merge_timm(std::string_view architecture,
                                                        std::string_view model_args,
                                                        std::shared_ptr<const Network> shown,
                                                        const std::string& where) const {
  const nlohmann::json args = parse_json(model_args, where);
  std::optional<Sizes> layers = find_sizes(args, "layers", where);
  std::optional<Sizes> channels = find_sizes(args, "channels", where);
  const ResNetConfig& sizes = config_of(*shown);
  if (const ResNetArchitecture* plain = find_resnet(architecture)) {
    if (plain->layer_type != to_string(sizes.layer_type)) {
      disagree(where, fmt::format("layer type of {}", plain->name), plain->layer_type,
               to_string(sizes.layer_type));
    }
    if (!layers) layers.emplace(plain->depths.begin(), plain->depths.end());
    if (!channels) channels.emplace(kChannels.begin(), kChannels.end());
  }
  if (layers && *layers != sizes.depths) {
    disagree(where, "blocks per stage", fmt::format("{}", *layers),
             fmt::format("{}", sizes.depths));
  }
  if (!channels) return shown;
  for (std::int64_t& width : *channels) {
    if (sizes.layer_type == LayerType::kBottleneck) width *= kExpansion;
  }
  if (*channels != sizes.hidden_sizes) {
    disagree(where, "channels per stage", fmt::format("{}", *channels),
             fmt::format("{}", sizes.hidden_sizes));
  }
  return shown;
}

}  // namespace

const Family& resnet_family() {
  static const ResNetFamily family;
  return family;
}

}  // namespace weightlift
