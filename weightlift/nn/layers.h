#pragma once

#include <string_view>

#include "weightlift/nn/module.h"

namespace weightlift {

// Constructors throw UsageError for arguments that torch refuses, and beyond 2^31 - 1.

/// 2-d convolution of (N, Cin, H, W) to (N, Cout, Ho, Wo), with torch's arguments: weight (Cout,
/// Cin/groups, K, K) and, with bias, bias (Cout). Tracing throws MismatchError where Cin differs or
/// the kernel is larger than the padded input. Source: torch.nn.Conv2d.
class Conv2d : public Module {
 public:
  explicit Conv2d(Conv2dOptions options);
  Tensor weight, bias;

 protected:
  Value forward(Value input) const override;

 private:
  Conv2dOptions options_;
};

/// Batch normalization by running statistics, (N, C, H, W) to the same shape:
/// (x - running_mean) / sqrt(running_var + eps) * weight + bias, per channel. Source:
/// torch.nn.BatchNorm2d in evaluation mode.
class BatchNorm2d : public Module {
 public:
  explicit BatchNorm2d(std::int64_t num_features, double eps = 1e-5);
  Tensor weight, bias, running_mean, running_var, num_batches_tracked;

 protected:
  Value forward(Value input) const override;

 private:
  BatchNorm2dOptions options_;
};

/// Whether a tensor of this name, perhaps with a path, is a buffer of BatchNorm2d.
bool is_batch_norm_buffer(std::string_view name);

/// Whether it is the counter, num_batches_tracked.
bool is_batch_norm_counter(std::string_view name);

/// An elementwise function, torch.nn.ReLU by default.
class ActivationLayer : public Module {
 public:
  explicit ActivationLayer(Activation function = Activation::kRelu) : options_{function} {}

 protected:
  Value forward(Value input) const override;

 private:
  ActivationOptions options_;
};

/// Largest value of each window, (N, C, H, W) to (N, C, Ho, Wo). Source: torch.nn.MaxPool2d.
class MaxPool2d : public Module {
 public:
  explicit MaxPool2d(MaxPool2dOptions options);

 protected:
  Value forward(Value input) const override;

 private:
  MaxPool2dOptions options_;
};

/// Mean over height and width: (N, C, H, W) to (N, C, 1, 1). Source: torch.nn.AdaptiveAvgPool2d(1).
class AdaptiveAvgPool2d : public Module {
 protected:
  Value forward(Value input) const override;
};

/// (N, C, H, W) to (N, C*H*W). Source: torch.nn.Flatten.
class Flatten : public Module {
 protected:
  Value forward(Value input) const override;
};

/// y = x W^T + b: (N, in_features) to (N, out_features). Source: torch.nn.Linear.
class Linear : public Module {
 public:
  explicit Linear(LinearOptions options);
  Tensor weight, bias;

 protected:
  Value forward(Value input) const override;

 private:
  LinearOptions options_;
};

/// Children named "0", "1", ... run one after the other. Source: torch.nn.Sequential.
class Sequential : public Module {
 public:
  template <class M, class... Arguments>
  M& append(Arguments&&... arguments) {
    M& module =
        make_module<M>(std::to_string(order_.size()), std::forward<Arguments>(arguments)...);
    order_.push_back(&module);
    return module;
  }

 protected:
  Value forward(Value input) const override;

 private:
  std::vector<Module*> order_;
};

}  // namespace weightlift
