#include <fmt/format.h>

#include <string>

#include "weightlift/models/resnet/resnet.h"
#include "weightlift/models/shared_modules.h"
#include "weightlift/nn/layers.h"

namespace weightlift {

namespace {

/// The projection of timm's downsample_conv: "0" convolution, "1" batch norm.
std::unique_ptr<Sequential> make_downsample(std::int64_t in, std::int64_t out,
                                            std::int64_t stride) {
  auto downsample = std::make_unique<Sequential>();
  downsample->append<Conv2d>(Conv2dOptions{
      .in_channels = in, .out_channels = out, .kernel_size = 1, .stride = stride, .bias = false});
  downsample->append<BatchNorm2d>(out);
  return downsample;
}

Conv2dOptions conv(std::int64_t in, std::int64_t out, std::int64_t kernel,
                   std::int64_t stride = 1) {
  return {.in_channels = in,
          .out_channels = out,
          .kernel_size = kernel,
          .stride = stride,
          .padding = kernel / 2,
          .bias = false};
}

class BasicBlock : public Module {
 public:
  BasicBlock(const ResNetConfig& config, std::int64_t in, std::int64_t out, std::int64_t stride) {
    conv1_ = &make_module<Conv2d>("conv1", conv(in, out, 3, stride));
    bn1_ = &make_module<BatchNorm2d>("bn1", out);
    act1_ = &make_module<ActivationLayer>("act1");
    conv2_ = &make_module<Conv2d>("conv2", conv(out, out, 3));
    bn2_ = &make_module<BatchNorm2d>("bn2", out);
    act2_ = &make_module<ActivationLayer>("act2", config.hidden_act);
    if (stride != 1 || in != out) {
      downsample_ = &add_module("downsample", make_downsample(in, out, stride));
    }
  }

 protected:
  Value forward(Value x) const override {
    Value y = (*act1_)((*bn1_)((*conv1_)(x)));
    y = (*bn2_)((*conv2_)(y));
    return (*act2_)(add(y, downsample_ != nullptr ? (*downsample_)(x) : x));
  }

 private:
  Module *conv1_, *bn1_, *act1_, *conv2_, *bn2_, *act2_;
  Module* downsample_ = nullptr;
};

class Bottleneck : public Module {
 public:
  Bottleneck(const ResNetConfig& config, std::int64_t in, std::int64_t out, std::int64_t stride) {
    const std::int64_t width = out / 4;
    const bool early = config.downsample_in_bottleneck;
    conv1_ = &make_module<Conv2d>("conv1", conv(in, width, 1, early ? stride : 1));
    bn1_ = &make_module<BatchNorm2d>("bn1", width);
    act1_ = &make_module<ActivationLayer>("act1");
    conv2_ = &make_module<Conv2d>("conv2", conv(width, width, 3, early ? 1 : stride));
    bn2_ = &make_module<BatchNorm2d>("bn2", width);
    act2_ = &make_module<ActivationLayer>("act2");
    conv3_ = &make_module<Conv2d>("conv3", conv(width, out, 1));
    bn3_ = &make_module<BatchNorm2d>("bn3", out);
    act3_ = &make_module<ActivationLayer>("act3", config.hidden_act);
    if (stride != 1 || in != out) {
      downsample_ = &add_module("downsample", make_downsample(in, out, stride));
    }
  }

 protected:
  Value forward(Value x) const override {
    Value y = (*act1_)((*bn1_)((*conv1_)(x)));
    y = (*act2_)((*bn2_)((*conv2_)(y)));
    y = (*bn3_)((*conv3_)(y));
    return (*act3_)(add(y, downsample_ != nullptr ? (*downsample_)(x) : x));
  }

 private:
  Module *conv1_, *bn1_, *act1_, *conv2_, *bn2_, *act2_, *conv3_, *bn3_, *act3_;
  Module* downsample_ = nullptr;
};

class TimmResNet : public Module {
 public:
  TimmResNet(const ResNetConfig& config, Head head) : head_(head) {
    const std::int64_t stem = config.embedding_size;
    conv1_ = &make_module<Conv2d>("conv1", conv(config.num_channels, stem, 7, 2));
    bn1_ = &make_module<BatchNorm2d>("bn1", stem);
    act1_ = &make_module<ActivationLayer>("act1", config.hidden_act);
    maxpool_ = &make_module<MaxPool2d>(
        "maxpool", MaxPool2dOptions{.kernel_size = 3, .stride = 2, .padding = 1});
    std::int64_t in = stem;
    for (std::size_t stage = 0; stage < config.depths.size(); ++stage) {
      layers_.push_back(
          &add_module(fmt::format("layer{}", stage + 1), make_stage(config, stage, in)));
      in = config.hidden_sizes[stage];
    }
    global_pool_ = &make_module<SelectAdaptivePool2d>("global_pool", head);
    if (head == Head::kClassifier && config.num_labels > 0) {
      fc_ = &make_module<Linear>(
          "fc", LinearOptions{.in_features = in, .out_features = config.num_labels});
    }
  }

 protected:
  Value forward(Value x) const override {
    x = (*maxpool_)((*act1_)((*bn1_)((*conv1_)(x))));
    for (Module* layer : layers_) x = (*layer)(x);
    if (head_ == Head::kNone) x.graph->mark_output(x, "last_hidden_state");
    x = (*global_pool_)(x);
    if (head_ == Head::kNone) x.graph->mark_output(x, "pooler_output");
    return fc_ != nullptr ? (*fc_)(x) : x;
  }

 private:
  static std::unique_ptr<Sequential> make_stage(const ResNetConfig& config, std::size_t stage,
                                                std::int64_t in) {
    auto blocks = std::make_unique<Sequential>();
    const std::int64_t out = config.hidden_sizes[stage];
    for (std::int64_t i = 0; i < config.depths[stage]; ++i) {
      const bool reduces = stage > 0 || config.downsample_in_first_stage;
      const std::int64_t stride = reduces && i == 0 ? 2 : 1;
      const std::int64_t block_in = i == 0 ? in : out;
      if (config.layer_type == LayerType::kBasic) {
        blocks->append<BasicBlock>(config, block_in, out, stride);
      } else {
        blocks->append<Bottleneck>(config, block_in, out, stride);
      }
    }
    return blocks;
  }

  Head head_;
  Module *conv1_, *bn1_, *act1_, *maxpool_, *global_pool_;
  std::vector<Module*> layers_;
  Module* fc_ = nullptr;
};

}  // namespace

std::unique_ptr<Module> make_timm_resnet(const ResNetConfig& config, Head head) {
  require_sizes(config);
  return std::make_unique<TimmResNet>(config, head);
}

}  // namespace weightlift
