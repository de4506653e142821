#include "weightlift/nn/layers.h"

#include <fmt/format.h>

#include <limits>
#include <optional>

#include "weightlift/base/bytes.h"
#include "weightlift/base/message.h"

namespace weightlift {

namespace {

void require_channels(const char* what, const Shape& shape, std::int64_t channels) {
  if (shape.size() != 4 || shape[1] != channels) {
    throw MismatchError(
        what, fmt::format("expected an input (N, {}, H, W), got {}", channels, to_string(shape)));
  }
}

/// The argument of a layer. Throws UsageError unless it is at least `least` and at most 2^31 - 1,
/// beyond which products overflow.
std::int64_t require_argument(const char* layer, const char* name, std::int64_t value,
                              std::int64_t least = 1) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  if (value >= least && value <= kMost) return value;
  throw UsageError(layer, fmt::format("{}: expected {} to {}, got {}", name, least, kMost, value));
}

/// Returns the output length of a window that slides along one dimension, by torch's floor rule.
std::int64_t windows(const char* what, std::int64_t length, std::int64_t kernel,
                     std::int64_t stride, std::int64_t padding) {
  const std::optional<std::int64_t> padded = checked_add(length, 2 * padding);
  if (!padded || *padded < kernel) {
    throw MismatchError(what, fmt::format("expected at least {} pixels, got {} with padding {}",
                                          kernel, length, padding));
  }
  return (*padded - kernel) / stride + 1;
}

}  // namespace

Conv2d::Conv2d(Conv2dOptions options) : options_(options) {
  const auto& o = options_;
  constexpr const char* kLayer = "Conv2d";
  require_argument(kLayer, "in_channels", o.in_channels);
  require_argument(kLayer, "out_channels", o.out_channels);
  require_argument(kLayer, "kernel_size", o.kernel_size);
  require_argument(kLayer, "stride", o.stride);
  require_argument(kLayer, "padding", o.padding, 0);
  require_argument(kLayer, "dilation", o.dilation);
  require_argument(kLayer, "groups", o.groups);
  if (o.in_channels % o.groups != 0 || o.out_channels % o.groups != 0) {
    throw UsageError(kLayer, fmt::format("groups: {} does not divide {} and {} channels", o.groups,
                                         o.in_channels, o.out_channels));
  }
  add_tensor("weight", {o.out_channels, o.in_channels / o.groups, o.kernel_size, o.kernel_size},
             weight);
  if (o.bias) add_tensor("bias", {o.out_channels}, bias);
}

Value Conv2d::forward(Value input) const {
  const Shape& in = input.shape();
  const auto& o = options_;
  require_channels("Conv2d", in, o.in_channels);
  const std::int64_t reach = o.dilation * (o.kernel_size - 1) + 1;
  const Shape out = {in[0], o.out_channels, windows("Conv2d", in[2], reach, o.stride, o.padding),
                     windows("Conv2d", in[3], reach, o.stride, o.padding)};
  return input.graph->record(o, {input.node}, out, this);
}

BatchNorm2d::BatchNorm2d(std::int64_t num_features, double eps) : options_{num_features, eps} {
  const Shape shape = {require_argument("BatchNorm2d", "num_features", num_features)};
  add_tensor("weight", shape, weight);
  add_tensor("bias", shape, bias);
  add_tensor("running_mean", shape, running_mean, SlotRole::kBuffer);
  add_tensor("running_var", shape, running_var, SlotRole::kBuffer);
  add_tensor("num_batches_tracked", {}, num_batches_tracked, SlotRole::kCounter);
}

Value BatchNorm2d::forward(Value input) const {
  require_channels("BatchNorm2d", input.shape(), options_.num_features);
  return input.graph->record(options_, {input.node}, input.shape(), this);
}

Value ActivationLayer::forward(Value input) const {
  return input.graph->record(options_, {input.node}, input.shape(), this);
}

bool is_batch_norm_buffer(std::string_view name) {
  const std::string_view last = name.substr(name.rfind('.') + 1);
  return last == "running_mean" || last == "running_var" || is_batch_norm_counter(name);
}

bool is_batch_norm_counter(std::string_view name) { return name.ends_with("num_batches_tracked"); }

MaxPool2d::MaxPool2d(MaxPool2dOptions options) : options_(options) {
  require_argument("MaxPool2d", "kernel_size", options.kernel_size);
  require_argument("MaxPool2d", "stride", options.stride);
  require_argument("MaxPool2d", "padding", options.padding, 0);
}

Value MaxPool2d::forward(Value input) const {
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

Value AdaptiveAvgPool2d::forward(Value input) const {
  const Shape& in = input.shape();
  if (in.size() != 4) {
    throw MismatchError("AdaptiveAvgPool2d",
                        fmt::format("expected an input (N, C, H, W), got {}", to_string(in)));
  }
  return input.graph->record(AdaptiveAvgPool2dOptions{}, {input.node}, {in[0], in[1], 1, 1}, this);
}

Value Flatten::forward(Value input) const {
  const Shape& in = input.shape();
  if (in.empty()) throw MismatchError("Flatten", "expected an input (N, ...), got []");
  const auto features = checked_numel(Shape(in.begin() + 1, in.end()));
  return input.graph->record(FlattenOptions{}, {input.node}, {in[0], features.value_or(-1)}, this);
}

Linear::Linear(LinearOptions options) : options_(options) {
  require_argument("Linear", "in_features", options.in_features);
  require_argument("Linear", "out_features", options.out_features);
  add_tensor("weight", {options.out_features, options.in_features}, weight);
  if (options.bias) add_tensor("bias", {options.out_features}, bias);
}

Value Linear::forward(Value input) const {
  const Shape& in = input.shape();
  if (in.size() != 2 || in[1] != options_.in_features) {
    throw MismatchError("Linear", fmt::format("expected an input (N, {}), got {}",
                                              options_.in_features, to_string(in)));
  }
  return input.graph->record(options_, {input.node}, {in[0], options_.out_features}, this);
}

Value Sequential::forward(Value input) const {
  for (Module* module : order_) input = (*module)(input);
  return input;
}

}  // namespace weightlift
