#include <optional>

#include "weightlift/models/regnet/regnet.h"
#include "weightlift/models/shared_modules.h"
#include "weightlift/nn/layers.h"

namespace weightlift {

namespace {

struct RegNetConvOptions {
  std::int64_t kernel_size = 3;
  std::int64_t stride = 1;
  std::int64_t groups = 1;
  std::optional<Activation> activation = {};  ///< transformers' None records no operation
};

class RegNetConvLayer : public Module {
 public:
  RegNetConvLayer(std::int64_t in, std::int64_t out, RegNetConvOptions options) {
    convolution_ =
        &make_module<Conv2d>("convolution", Conv2dOptions{.in_channels = in,
                                                          .out_channels = out,
                                                          .kernel_size = options.kernel_size,
                                                          .stride = options.stride,
                                                          .padding = options.kernel_size / 2,
                                                          .groups = options.groups,
                                                          .bias = false});
    normalization_ = &make_module<BatchNorm2d>("normalization", out);
    if (options.activation) {
      activation_ = &make_module<ActivationLayer>("activation", *options.activation);
    }
  }

 protected:
  Value forward(Value x) const override {
    x = (*normalization_)((*convolution_)(x));
    return activation_ != nullptr ? (*activation_)(x) : x;
  }

 private:
  Module *convolution_, *normalization_;
  Module* activation_ = nullptr;
};

class RegNetEmbeddings : public Module {
 public:
  explicit RegNetEmbeddings(const RegNetConfig& config) {
    embedder_ = &make_module<RegNetConvLayer>(
        "embedder", config.num_channels, config.embedding_size,
        RegNetConvOptions{.stride = 2, .activation = config.hidden_act});
  }

 protected:
  Value forward(Value x) const override { return (*embedder_)(x); }

 private:
  Module* embedder_;
};

class RegNetShortCut : public Module {
 public:
  RegNetShortCut(std::int64_t in, std::int64_t out, std::int64_t stride) {
    convolution_ = &make_module<Conv2d>("convolution", Conv2dOptions{.in_channels = in,
                                                                     .out_channels = out,
                                                                     .kernel_size = 1,
                                                                     .stride = stride,
                                                                     .bias = false});
    normalization_ = &make_module<BatchNorm2d>("normalization", out);
  }

 protected:
  Value forward(Value x) const override { return (*normalization_)((*convolution_)(x)); }

 private:
  Module *convolution_, *normalization_;
};

class RegNetSELayer : public Module {
 public:
  RegNetSELayer(std::int64_t in, std::int64_t reduced) {
    pooler_ = &make_module<AdaptiveAvgPool2d>("pooler");
    auto& attention = make_module<Sequential>("attention");
    attention.append<Conv2d>(
        Conv2dOptions{.in_channels = in, .out_channels = reduced, .kernel_size = 1});
    attention.append<ActivationLayer>(Activation::kRelu);
    attention.append<Conv2d>(
        Conv2dOptions{.in_channels = reduced, .out_channels = in, .kernel_size = 1});
    attention.append<ActivationLayer>(Activation::kSigmoid);
    attention_ = &attention;
  }

 protected:
  Value forward(Value x) const override { return mul(x, (*attention_)((*pooler_)(x))); }

 private:
  Module *pooler_, *attention_;
};

/// RegNetXLayer and RegNetYLayer: `shortcut` is registered first and runs last.
class RegNetLayer : public Module {
 public:
  RegNetLayer(const RegNetConfig& config, std::int64_t in, std::int64_t out, std::int64_t stride) {
    if (in != out || stride != 1) {
      shortcut_ = &make_module<RegNetShortCut>("shortcut", in, out, stride);
    }
    const Activation act = config.hidden_act;
    auto& layer = make_module<Sequential>("layer");
    layer.append<RegNetConvLayer>(in, out, RegNetConvOptions{.kernel_size = 1, .activation = act});
    layer.append<RegNetConvLayer>(
        out, out,
        RegNetConvOptions{
            .stride = stride, .groups = regnet_groups(config, out), .activation = act});
    if (config.layer_type == RegNetType::kY) {
      layer.append<RegNetSELayer>(out, regnet_squeezed_channels(in));
    }
    layer.append<RegNetConvLayer>(out, out, RegNetConvOptions{.kernel_size = 1});
    layer_ = &layer;
    activation_ = &make_module<ActivationLayer>("activation", act);
  }

 protected:
  Value forward(Value x) const override {
    const Value y = (*layer_)(x);
    return (*activation_)(add(y, shortcut_ != nullptr ? (*shortcut_)(x) : x));
  }

 private:
  Module *layer_, *activation_;
  Module* shortcut_ = nullptr;
};

class RegNetStage : public Module {
 public:
  RegNetStage(const RegNetConfig& config, std::size_t stage, std::int64_t in) {
    const std::int64_t out = config.hidden_sizes[stage];
    auto& layers = make_module<Sequential>("layers");
    layers.append<RegNetLayer>(config, in, out, regnet_stride(config, stage));
    for (std::int64_t i = 1; i < config.depths[stage]; ++i) {
      layers.append<RegNetLayer>(config, out, out, 1);
    }
    layers_ = &layers;
  }

 protected:
  Value forward(Value x) const override { return (*layers_)(x); }

 private:
  Module* layers_;
};

class RegNetEncoder : public Module {
 public:
  explicit RegNetEncoder(const RegNetConfig& config) {
    auto& stages = make_module<Sequential>("stages");
    std::int64_t in = config.embedding_size;
    for (std::size_t i = 0; i < config.depths.size(); ++i) {
      stages.append<RegNetStage>(config, i, in);
      in = config.hidden_sizes[i];
    }
    stages_ = &stages;
  }

 protected:
  Value forward(Value x) const override { return (*stages_)(x); }

 private:
  Module* stages_;
};

}  // namespace

std::unique_ptr<Module> make_hf_regnet(const RegNetConfig& config, Head head) {
  require_sizes(config);
  return make_hf_network("regnet", std::make_unique<RegNetEmbeddings>(config),
                         std::make_unique<RegNetEncoder>(config), config.hidden_sizes.back(),
                         config.num_labels, head);
}

}  // namespace weightlift
