#include <fmt/format.h>

#include <optional>
#include <string>

#include "weightlift/models/regnet/regnet.h"
#include "weightlift/nn/layers.h"

namespace weightlift {

namespace {

/// torchvision's Conv2dNormActivation: "0" convolution, "1" batch norm, "2" activation.
std::unique_ptr<Sequential> conv_norm_activation(Conv2dOptions options,
                                                 std::optional<Activation> activation) {
  options.bias = false;
  options.padding = (options.kernel_size - 1) / 2;
  auto layers = std::make_unique<Sequential>();
  layers->append<Conv2d>(options);
  layers->append<BatchNorm2d>(options.out_channels);
  if (activation) layers->append<ActivationLayer>(*activation);
  return layers;
}

/// torchvision's SqueezeExcitation.
class RegNetSqueezeExcitation : public Module {
 public:
  RegNetSqueezeExcitation(std::int64_t channels, std::int64_t squeezed) {
    avgpool_ = &make_module<AdaptiveAvgPool2d>("avgpool");
    fc1_ = &make_module<Conv2d>(
        "fc1", Conv2dOptions{.in_channels = channels, .out_channels = squeezed, .kernel_size = 1});
    fc2_ = &make_module<Conv2d>(
        "fc2", Conv2dOptions{.in_channels = squeezed, .out_channels = channels, .kernel_size = 1});
    activation_ = &make_module<ActivationLayer>("activation", Activation::kRelu);
    scale_activation_ = &make_module<ActivationLayer>("scale_activation", Activation::kSigmoid);
  }

 protected:
  Value forward(Value x) const override {
    return mul(x, (*scale_activation_)((*fc2_)((*activation_)((*fc1_)((*avgpool_)(x))))));
  }

 private:
  Module *avgpool_, *fc1_, *fc2_, *activation_, *scale_activation_;
};

/// torchvision's BottleneckTransform.
class RegNetTransform : public Module {
 public:
  RegNetTransform(const RegNetConfig& config, std::int64_t in, std::int64_t out,
                  std::int64_t stride) {
    const Activation act = config.hidden_act;
    layers_.push_back(&add_module(
        "a",
        conv_norm_activation({.in_channels = in, .out_channels = out, .kernel_size = 1}, act)));
    layers_.push_back(&add_module("b", conv_norm_activation({.in_channels = out,
                                                             .out_channels = out,
                                                             .kernel_size = 3,
                                                             .stride = stride,
                                                             .groups = regnet_groups(config, out)},
                                                            act)));
    if (config.layer_type == RegNetType::kY) {
      layers_.push_back(
          &make_module<RegNetSqueezeExcitation>("se", out, regnet_squeezed_channels(in)));
    }
    layers_.push_back(&add_module(
        "c", conv_norm_activation({.in_channels = out, .out_channels = out, .kernel_size = 1},
                                  std::nullopt)));
  }

 protected:
  Value forward(Value x) const override {
    for (Module* layer : layers_) x = (*layer)(x);
    return x;
  }

 private:
  std::vector<Module*> layers_;
};

class ResBottleneckBlock : public Module {
 public:
  ResBottleneckBlock(const RegNetConfig& config, std::int64_t in, std::int64_t out,
                     std::int64_t stride) {
    if (in != out || stride != 1) {
      proj_ = &add_module(
          "proj", conv_norm_activation(
                      {.in_channels = in, .out_channels = out, .kernel_size = 1, .stride = stride},
                      std::nullopt));
    }
    f_ = &make_module<RegNetTransform>("f", config, in, out, stride);
    activation_ = &make_module<ActivationLayer>("activation", config.hidden_act);
  }

 protected:
  /// torchvision runs `proj` before `f`. Here `f` is first, as in timm and transformers: operations
  /// are paired in execution order, neither branch reads the other, and x + y is y + x.
  Value forward(Value x) const override {
    const Value y = (*f_)(x);
    return (*activation_)(add(y, proj_ != nullptr ? (*proj_)(x) : x));
  }

 private:
  Module *f_, *activation_;
  Module* proj_ = nullptr;
};

class AnyStage : public Module {
 public:
  AnyStage(const RegNetConfig& config, std::size_t stage, std::int64_t in) {
    const std::int64_t out = config.hidden_sizes[stage];
    for (std::int64_t i = 0; i < config.depths[stage]; ++i) {
      const std::int64_t stride = i == 0 ? regnet_stride(config, stage) : 1;
      blocks_.push_back(&make_module<ResBottleneckBlock>(fmt::format("block{}-{}", stage + 1, i),
                                                         config, i == 0 ? in : out, out, stride));
    }
  }

 protected:
  Value forward(Value x) const override {
    for (Module* block : blocks_) x = (*block)(x);
    return x;
  }

 private:
  std::vector<Module*> blocks_;
};

class RegNetTrunk : public Module {
 public:
  explicit RegNetTrunk(const RegNetConfig& config) {
    std::int64_t in = config.embedding_size;
    for (std::size_t i = 0; i < config.depths.size(); ++i) {
      stages_.push_back(&make_module<AnyStage>(fmt::format("block{}", i + 1), config, i, in));
      in = config.hidden_sizes[i];
    }
  }

 protected:
  Value forward(Value x) const override {
    for (Module* stage : stages_) x = (*stage)(x);
    return x;
  }

 private:
  std::vector<Module*> stages_;
};

class TorchvisionRegNet : public Module {
 public:
  TorchvisionRegNet(const RegNetConfig& config, Head head) : head_(head) {
    stem_ = &add_module("stem", conv_norm_activation({.in_channels = config.num_channels,
                                                      .out_channels = config.embedding_size,
                                                      .kernel_size = 3,
                                                      .stride = 2},
                                                     config.hidden_act));
    trunk_output_ = &make_module<RegNetTrunk>("trunk_output", config);
    avgpool_ = &make_module<AdaptiveAvgPool2d>("avgpool");
    if (head == Head::kNone) return;
    flatten_ = &make_module<Flatten>("flatten");  // torchvision's x.flatten(1) has no module
    if (config.num_labels == 0) return;
    fc_ = &make_module<Linear>("fc", LinearOptions{.in_features = config.hidden_sizes.back(),
                                                   .out_features = config.num_labels});
  }

 protected:
  Value forward(Value x) const override {
    x = (*trunk_output_)((*stem_)(x));
    if (head_ == Head::kNone) x.graph->mark_output(x, "last_hidden_state");
    x = (*avgpool_)(x);
    if (head_ == Head::kNone) x.graph->mark_output(x, "pooler_output");
    if (flatten_ != nullptr) x = (*flatten_)(x);
    return fc_ != nullptr ? (*fc_)(x) : x;
  }

 private:
  Head head_;
  Module *stem_, *trunk_output_, *avgpool_;
  Module* flatten_ = nullptr;
  Module* fc_ = nullptr;
};

}  // namespace

std::unique_ptr<Module> make_torchvision_regnet(const RegNetConfig& config, Head head) {
  require_sizes(config);
  return std::make_unique<TorchvisionRegNet>(config, head);
}

}  // namespace weightlift
