#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "weightlift/nn/graph.h"
#include "weightlift/runtime/layout.h"
#include "weightlift/tensor.h"

namespace weightlift {

/// The tensors of a run.
struct Weights {
  const Graph& graph;           ///< its modules hold them
  const Graph* like = nullptr;  ///< an equal graph, whose tensors have the dtypes to round to
};

/// A tensor whose values are rounded to `dtype` (its own: not at all) before they are used.
struct Parameter {
  const Tensor& tensor;
  DType dtype;
};

/// Returns a node's own tensor, rounded as `weights` states. Throws MismatchError "path.name:
/// expected ..., got ..." unless it, and its counterpart in `like`, have that shape and a floating
/// dtype.
Parameter parameter(const Weights& weights, NodeId id, std::string_view name, const Shape& shape);

/// The effect of a batch norm, or of a convolution's bias, on each channel: x * scale + shift.
struct ChannelAffine {
  std::vector<double> scale;
  std::vector<double> shift;
};

/// Returns scale = weight / sqrt(running_var + eps) and shift = bias - running_mean * scale. Throws
/// MismatchError as parameter().
ChannelAffine batch_norm_affine(const Weights& weights, NodeId batch_norm);

/// Returns the affine map that follows a convolution without its bias: the bias, then the batch
/// norm where there is one.
ChannelAffine affine_after(const Weights& weights, NodeId convolution,
                           std::optional<NodeId> batch_norm);

/// Writes convolution weights (O, I, K, K) of any floating dtype as float32 in another layout, each
/// output channel times its scale. Reads and writes each weight once, in pieces that fit in the
/// first cache. `output` has room for the layout's elements.
void pack_weights(const Parameter& weight, const std::vector<double>& scale,
                  const WeightLayout& layout, float* output);

/// Writes the parameters of a convolution and of the batch norm after it, where there is one:
/// weights in that layout, and a bias per output channel, both with the layout's padding. Throws
/// MismatchError as parameter().
void pack_convolution(const Weights& weights, NodeId convolution, std::optional<NodeId> batch_norm,
                      const WeightLayout& layout, float* packed, float* bias);

/// Writes the parameters of a torch.nn.Linear in the form that linear() uses, with zeros where it
/// has no bias. Throws MismatchError as parameter().
void pack_linear(const Weights& weights, NodeId linear, float* packed, double* bias);

}  // namespace weightlift
