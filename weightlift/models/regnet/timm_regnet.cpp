#include <fmt/format.h>

#include <optional>
#include <string>

#include "weightlift/models/regnet/regnet.h"
#include "weightlift/models/shared_modules.h"
#include "weightlift/nn/layers.h"

namespace weightlift {

namespace {

/// timm's BatchNormAct2d: a batch norm with its activation below it, `bn.act`.
class RegNetBatchNormAct : public BatchNorm2d {
 public:
  RegNetBatchNormAct(std::int64_t num_features, std::optional<Activation> act)
      : BatchNorm2d(num_features) {
    if (act) act_ = &make_module<ActivationLayer>("act", *act);
  }

 protected:
  Value forward(Value x) const override {
    x = BatchNorm2d::forward(x);
    return act_ != nullptr ? (*act_)(x) : x;
  }

 private:
  Module* act_ = nullptr;
};

/// timm's ConvNormAct.
class RegNetConvNormAct : public Module {
 public:
  RegNetConvNormAct(Conv2dOptions options, std::optional<Activation> act) {
    options.bias = false;
    options.padding = options.kernel_size / 2;
    conv_ = &make_module<Conv2d>("conv", options);
    bn_ = &make_module<RegNetBatchNormAct>("bn", options.out_channels, act);
  }

 protected:
  Value forward(Value x) const override { return (*bn_)((*conv_)(x)); }

 private:
  Module *conv_, *bn_;
};

/// timm's SEModule, with ReLU alone: transformers' class has no other activation there.
class RegNetSEModule : public Module {
 public:
  RegNetSEModule(std::int64_t channels, std::int64_t reduced) {
    mean_ = &make_module<AdaptiveAvgPool2d>("mean");  // timm's x.mean((2, 3)) has no module
    fc1_ = &make_module<Conv2d>(
        "fc1", Conv2dOptions{.in_channels = channels, .out_channels = reduced, .kernel_size = 1});
    act_ = &make_module<ActivationLayer>("act", Activation::kRelu);
    fc2_ = &make_module<Conv2d>(
        "fc2", Conv2dOptions{.in_channels = reduced, .out_channels = channels, .kernel_size = 1});
    gate_ = &make_module<ActivationLayer>("gate", Activation::kSigmoid);
  }

 protected:
  Value forward(Value x) const override {
    return mul(x, (*gate_)((*fc2_)((*act_)((*fc1_)((*mean_)(x))))));
  }

 private:
  Module *mean_, *fc1_, *act_, *fc2_, *gate_;
};

/// timm's Bottleneck of RegNet.
class RegNetBottleneck : public Module {
 public:
  RegNetBottleneck(const RegNetConfig& config, std::int64_t in, std::int64_t out,
                   std::int64_t stride) {
    const Activation act = config.hidden_act;
    conv1_ = &make_module<RegNetConvNormAct>("conv1", conv(in, out, 1), act);
    Conv2dOptions grouped = conv(out, out, 3, stride);
    grouped.groups = regnet_groups(config, out);
    conv2_ = &make_module<RegNetConvNormAct>("conv2", grouped, act);
    if (config.layer_type == RegNetType::kY) {
      se_ = &make_module<RegNetSEModule>("se", out, regnet_squeezed_channels(in));
    }
    conv3_ = &make_module<RegNetConvNormAct>("conv3", conv(out, out, 1), std::nullopt);
    act3_ = &make_module<ActivationLayer>("act3", act);
    if (stride != 1 || in != out) {
      downsample_ =
          &make_module<RegNetConvNormAct>("downsample", conv(in, out, 1, stride), std::nullopt);
    }
  }

 protected:
  Value forward(Value x) const override {
    Value y = (*conv2_)((*conv1_)(x));
    if (se_ != nullptr) y = (*se_)(y);
    y = (*conv3_)(y);
    return (*act3_)(add(y, downsample_ != nullptr ? (*downsample_)(x) : x));
  }

 private:
  static Conv2dOptions conv(std::int64_t in, std::int64_t out, std::int64_t kernel,
                            std::int64_t stride = 1) {
    return {.in_channels = in, .out_channels = out, .kernel_size = kernel, .stride = stride};
  }

  Module *conv1_, *conv2_, *conv3_, *act3_;
  Module* se_ = nullptr;
  Module* downsample_ = nullptr;
};

class RegStage : public Module {
 public:
  RegStage(const RegNetConfig& config, std::size_t stage, std::int64_t in) {
    const std::int64_t out = config.hidden_sizes[stage];
    for (std::int64_t i = 0; i < config.depths[stage]; ++i) {
      const std::int64_t stride = i == 0 ? regnet_stride(config, stage) : 1;
      blocks_.push_back(&make_module<RegNetBottleneck>(fmt::format("b{}", i + 1), config,
                                                       i == 0 ? in : out, out, stride));
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

/// timm's ClassifierHead.
class RegNetClassifierHead : public Module {
 public:
  RegNetClassifierHead(const RegNetConfig& config, Head head) {
    global_pool_ = &make_module<SelectAdaptivePool2d>("global_pool", head);
    if (head == Head::kClassifier && config.num_labels > 0) {
      fc_ = &make_module<Linear>("fc", LinearOptions{.in_features = config.hidden_sizes.back(),
                                                     .out_features = config.num_labels});
    }
  }

 protected:
  Value forward(Value x) const override {
    x = (*global_pool_)(x);
    return fc_ != nullptr ? (*fc_)(x) : x;
  }

 private:
  Module* global_pool_;
  Module* fc_ = nullptr;
};

class TimmRegNet : public Module {
 public:
  TimmRegNet(const RegNetConfig& config, Head head) : last_(head) {
    std::int64_t in = config.embedding_size;
    stem_ = &make_module<RegNetConvNormAct>(
        "stem",
        Conv2dOptions{
            .in_channels = config.num_channels, .out_channels = in, .kernel_size = 3, .stride = 2},
        config.hidden_act);
    for (std::size_t i = 0; i < config.depths.size(); ++i) {
      stages_.push_back(&make_module<RegStage>(fmt::format("s{}", i + 1), config, i, in));
      in = config.hidden_sizes[i];
    }
    head_ = &make_module<RegNetClassifierHead>("head", config, head);
  }

 protected:
  Value forward(Value x) const override {
    x = (*stem_)(x);
    for (Module* stage : stages_) x = (*stage)(x);
    if (last_ == Head::kNone) x.graph->mark_output(x, "last_hidden_state");
    x = (*head_)(x);
    if (last_ == Head::kNone) x.graph->mark_output(x, "pooler_output");
    return x;
  }

 private:
  Head last_;
  Module *stem_, *head_;
  std::vector<Module*> stages_;
};

}  // namespace

std::unique_ptr<Module> make_timm_regnet(const RegNetConfig& config, Head head) {
  require_sizes(config);
  return std::make_unique<TimmRegNet>(config, head);
}

}  // namespace weightlift
