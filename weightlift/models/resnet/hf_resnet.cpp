#include <string>

#include "weightlift/models/resnet/resnet.h"
#include "weightlift/models/shared_modules.h"
#include "weightlift/nn/layers.h"

namespace weightlift {

namespace {

/// The activation after the normalization. transformers' activation=None records no operation.
enum class After : std::uint8_t { kNothing, kRelu, kHiddenAct };

class ResNetConvLayer : public Module {
 public:
  ResNetConvLayer(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                  After after, Activation hidden_act = Activation::kRelu) {
    convolution_ = &make_module<Conv2d>("convolution", Conv2dOptions{.in_channels = in,
                                                                     .out_channels = out,
                                                                     .kernel_size = kernel,
                                                                     .stride = stride,
                                                                     .padding = kernel / 2,
                                                                     .bias = false});
    normalization_ = &make_module<BatchNorm2d>("normalization", out);
    if (after != After::kNothing) {
      activation_ = &make_module<ActivationLayer>(
          "activation", after == After::kRelu ? Activation::kRelu : hidden_act);
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

class ResNetEmbeddings : public Module {
 public:
  explicit ResNetEmbeddings(const ResNetConfig& config) {
    embedder_ =
        &make_module<ResNetConvLayer>("embedder", config.num_channels, config.embedding_size, 7, 2,
                                      After::kHiddenAct, config.hidden_act);
    pooler_ = &make_module<MaxPool2d>(
        "pooler", MaxPool2dOptions{.kernel_size = 3, .stride = 2, .padding = 1});
  }

 protected:
  Value forward(Value x) const override { return (*pooler_)((*embedder_)(x)); }

 private:
  Module *embedder_, *pooler_;
};

/// ResNetBasicLayer and ResNetBottleNeckLayer: `shortcut` is registered first and runs last.
class ResNetLayer : public Module {
 public:
  ResNetLayer(const ResNetConfig& config, std::int64_t in, std::int64_t out, std::int64_t stride) {
    if (in != out || stride != 1) {
      shortcut_ = &make_module<ResNetConvLayer>("shortcut", in, out, 1, stride, After::kNothing);
    }
    auto& layer = make_module<Sequential>("layer");
    if (config.layer_type == LayerType::kBasic) {
      layer.append<ResNetConvLayer>(in, out, 3, stride, After::kRelu);
      layer.append<ResNetConvLayer>(out, out, 3, 1, After::kNothing);
    } else {
      const std::int64_t reduced = out / 4;
      const bool early = config.downsample_in_bottleneck;
      layer.append<ResNetConvLayer>(in, reduced, 1, early ? stride : 1, After::kRelu);
      layer.append<ResNetConvLayer>(reduced, reduced, 3, early ? 1 : stride, After::kRelu);
      layer.append<ResNetConvLayer>(reduced, out, 1, 1, After::kNothing);
    }
    layer_ = &layer;
    activation_ = &make_module<ActivationLayer>("activation", config.hidden_act);
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

class ResNetStage : public Module {
 public:
  ResNetStage(const ResNetConfig& config, std::int64_t in, std::int64_t out, std::int64_t stride,
              std::int64_t depth) {
    auto& layers = make_module<Sequential>("layers");
    layers.append<ResNetLayer>(config, in, out, stride);
    // Only a stage's first layer has downsample_in_bottleneck; the others have stride 1 anyway.
    for (std::int64_t i = 1; i < depth; ++i) layers.append<ResNetLayer>(config, out, out, 1);
    layers_ = &layers;
  }

 protected:
  Value forward(Value x) const override { return (*layers_)(x); }

 private:
  Module* layers_;
};

class ResNetEncoder : public Module {
 public:
  explicit ResNetEncoder(const ResNetConfig& config) {
    auto& stages = make_module<Sequential>("stages");
    std::int64_t in = config.embedding_size;
    for (std::size_t i = 0; i < config.depths.size(); ++i) {
      const std::int64_t stride = i > 0 || config.downsample_in_first_stage ? 2 : 1;
      stages.append<ResNetStage>(config, in, config.hidden_sizes[i], stride, config.depths[i]);
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

std::unique_ptr<Module> make_hf_resnet(const ResNetConfig& config, Head head) {
  require_sizes(config);
  return make_hf_network("resnet", std::make_unique<ResNetEmbeddings>(config),
                         std::make_unique<ResNetEncoder>(config), config.hidden_sizes.back(),
                         config.num_labels, head);
}

}  // namespace weightlift
