#pragma once

#include <string_view>
#include <vector>

#include "weightlift/nn/graph.h"
#include "weightlift/runtime/layout.h"
#include "weightlift/tensor/tensor.h"

namespace weightlift {

/// A node's own tensor. Throws MismatchError "path.name: expected ..., got ..." unless it has that
/// shape and a floating dtype.
const Tensor& parameter(const Node& node, std::string_view name, const Shape& shape);

/// What a batch norm, or the bias of a convolution, does to each channel: x * scale + shift.
struct ChannelAffine {
  std::vector<double> scale;
  std::vector<double> shift;
};

/// scale = weight / sqrt(running_var + eps), shift = bias - running_mean * scale. Throws
/// MismatchError as parameter().
ChannelAffine batch_norm_affine(const Node& batch_norm);

/// The affine map that follows a convolution without its bias: that bias, and then `batch_norm`
/// where there is one (nullptr where there is none).
ChannelAffine affine_after(const Node& convolution, const Node* batch_norm);

/// Writes convolution weights (O, I, K, K) of any floating dtype as float32 in another layout, each
/// output channel times its scale. Each weight is read once, in pieces that stay in the first
/// cache, and written once. `output` has room for the layout's elements.
void pack_weights(const Tensor& weight, const std::vector<double>& scale,
                  const WeightLayout& layout, float* output);

/// The parameters of a convolution and, where there is one (else nullptr), of the batch norm behind
/// it: weights in that layout, and a bias per output channel. Throws MismatchError as parameter().
void pack_convolution(const Node& convolution, const Node* batch_norm, const WeightLayout& layout,
                      float* weights, float* bias);

/// The parameters of a torch.nn.Linear as linear() takes them; zeros where it has no bias. Throws
/// MismatchError as parameter().
void pack_linear(const Node& node, float* weights, double* bias);

}  // namespace weightlift
