#include "weightlift/nn/layers.h"

#include <fmt/format.h>

#include "weightlift/base/error.h"

namespace weightlift {

namespace {

void require_channels(const char* what, const Shape& shape, std::int64_t channels) {
  if (shape.size() != 4 || shape[1] != channels) {
    throw MismatchError(
        what, fmt::format("expected an input (N, {}, H, W), got {}", channels, to_string(shape)));
  }
}

/// Returns the output length of a window that slides along one dimension, by torch's floor rule.
std::int64_t windows(const char* what, std::int64_t length, std::int64_t kernel,
                     std::int64_t stride, std::int64_t padding) {
  const std::int64_t padded = length + 2 * padding;
  if (padded < kernel) {
    throw MismatchError(what, fmt::format("expected at least {} pixels, got {} with padding {}",
                                          kernel, length, padding));
  }
  return (padded - kernel) / stride + 1;
}

}  // namespace

Conv2d::Conv2d(Conv2dOptions options) : options_(options) {
  const auto& o = options_;
  add_tensor("weight", {o.out_channels, o.in_channels / o.groups, o.kernel_size, o.kernel_size},
             weight);
  if (o.bias) add_tensor("bias", {o.out_channels}, bias);
}

Value Conv2d::forward(Value input) {
  const Shape& in = input.shape();
  const auto& o = options_;
  require_channels("Conv2d", in, o.in_channels);
  const std::int64_t reach = o.dilation * (o.kernel_size - 1) + 1;
  const Shape out = {in[0], o.out_channels, windows("Conv2d", in[2], reach, o.stride, o.padding),
                     windows("Conv2d", in[3], reach, o.stride, o.padding)};
  return input.graph->record(o, {input.node}, out, this);
}

BatchNorm2d::BatchNorm2d(std::int64_t num_features, double eps) : options_{num_features, eps} {
  const Shape shape = {num_features};
  add_tensor("weight", shape, weight);
  add_tensor("bias", shape, bias);
  add_tensor("running_mean", shape, running_mean);
  add_tensor("running_var", shape, running_var);
  add_tensor("num_batches_tracked", {}, num_batches_tracked, true);
}

Value BatchNorm2d::forward(Value input) {
  require_channels("BatchNorm2d", input.shape(), options_.num_features);
  return input.graph->record(options_, {input.node}, input.shape(), this);
}

Value ActivationLayer::forward(Value input) {
  return input.graph->record(options_, {input.node}, input.shape(), this);
}

Value MaxPool2d::forward(Value input) {
  const Shape& in = input.shape();
  const auto& o = options_;
  if (in.size() != 4) {
    throw MismatchError("MaxPool2d",
                        fmt::format("expected an input (N, C, H, W), got {}", to_string(in)));
  }
  const Shape out = {in[0], in[1], windows("MaxPool2d", in[2], o.kernel_size, o.stride, o.padding),
                     windows("MaxPool2d", in[3], o.kernel_size, o.stride, o.padding)};
  return input.graph->record(o, {input.node}, out, this);
}

Value AdaptiveAvgPool2d::forward(Value input) {
  const Shape& in = input.shape();
  if (in.size() != 4) {
    throw MismatchError("AdaptiveAvgPool2d",
                        fmt::format("expected an input (N, C, H, W), got {}", to_string(in)));
  }
  return input.graph->record(AdaptiveAvgPool2dOptions{}, {input.node}, {in[0], in[1], 1, 1}, this);
}

Value Flatten::forward(Value input) {
  const Shape& in = input.shape();
  std::int64_t features = 1;
  for (std::size_t i = 1; i < in.size(); ++i) features *= in[i];
  return input.graph->record(FlattenOptions{}, {input.node}, {in[0], features}, this);
}

Linear::Linear(LinearOptions options) : options_(options) {
  add_tensor("weight", {options.out_features, options.in_features}, weight);
  if (options.bias) add_tensor("bias", {options.out_features}, bias);
}

Value Linear::forward(Value input) {
  const Shape& in = input.shape();
  if (in.size() != 2 || in[1] != options_.in_features) {
    throw MismatchError("Linear", fmt::format("expected an input (N, {}), got {}",
                                              options_.in_features, to_string(in)));
  }
  return input.graph->record(options_, {input.node}, {in[0], options_.out_features}, this);
}

Value Sequential::forward(Value input) {
  for (Module* module : order_) input = (*module)(input);
  return input;
}

}  // namespace weightlift
