#pragma once

#include <string_view>
#include <vector>

#include "weightlift/nn/graph.h"
#include "weightlift/runtime/layout.h"
#include "weightlift/tensor/tensor.h"

namespace weightlift {

/// Returns a node's own tensor. Throws MismatchError "path.name: expected ..., got ..." unless it
/// has that shape and a floating dtype.
const Tensor& parameter(const Node& node, std::string_view name, const Shape& shape);

/// The effect of a batch norm, or of a convolution's bias, on each channel: x * scale + shift.
struct ChannelAffine {
  std::vector<double> scale;
  std::vector<double> shift;
};

/// Returns scale = weight / sqrt(running_var + eps) and shift = bias - running_mean * scale. Throws
/// MismatchError as parameter().
ChannelAffine batch_norm_affine(const Node& batch_norm);

/// Returns the affine map that follows a convolution without its bias: the bias, then `batch_norm`
/// (nullptr where there is none).
ChannelAffine affine_after(const Node& convolution, const Node* batch_norm);

/// Writes convolution weights (O, I, K, K) of any floating dtype as float32 in another layout, each
/// output channel times its scale. Reads and writes each weight once, in pieces that fit in the
/// first cache. `output` has room for the layout's elements.
void pack_weights(const Tensor& weight, const std::vector<double>& scale,
                  const WeightLayout& layout, float* output);

/// Writes the parameters of a convolution and of the batch norm after it (nullptr where there is
/// none): weights in that layout, and a bias per output channel. Throws MismatchError as
/// parameter().
void pack_convolution(const Node& convolution, const Node* batch_norm, const WeightLayout& layout,
                      float* weights, float* bias);

/// Writes the parameters of a torch.nn.Linear in the form that linear() uses, with zeros where it
/// has no bias. Throws MismatchError as parameter().
void pack_linear(const Node& node, float* weights, double* bias);

}  // namespace weightlift
