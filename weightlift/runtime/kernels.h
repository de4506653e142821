#pragma once

#include <span>

#include "weightlift/nn/graph.h"
#include "weightlift/runtime/layout.h"

namespace weightlift {

// Plain loops for all operations except convolutions, on float32, distributed over OpenMP's
// threads. One thread computes each output element, in a fixed order: results do not depend on the
// number of threads. Input and output must not overlap.

/// Writes the same value in another blocking; zeros pad the last block. Both layouts have that many
/// groups of channels. Groups that are larger in `out` end with zeros; of those that are smaller,
/// the last channels are not written.
void reblock(const Layout& in, const float* input, const Layout& out, float* output,
             std::int64_t groups = 1);

/// Writes every stride-th pixel of every stride-th row, for any blocking: the pixels that a 1x1
/// convolution with that stride reads.
void subsample(const Layout& in, const float* input, std::int64_t stride, float* output);

/// Computes torch.nn.MaxPool2d for any blocking. NaN is the maximum, as in torch.
void max_pool(const Layout& in, const float* input, const MaxPool2dOptions& options,
              const Layout& out, float* output);

/// Computes the mean over height and width for any blocking of the input; the output is row-major
/// (N, C).
void global_mean(const Layout& in, const float* input, float* output);

/// Computes y = x W^T + b as torch.nn.Linear: x is row-major (n, in_features), W (out_features,
/// in_features).
void linear(const LinearOptions& options, std::int64_t n, const float* x, const float* weights,
            const double* bias, float* y);

/// Computes y = x * scale + shift per channel, row-major.
void scale_channels(const Layout& layout, const float* input, std::span<const double> scale,
                    std::span<const double> shift, float* output);

/// Applies a function elementwise, in double. Results may differ from torch.nn.functional's float32
/// in the last bit.
void activate(Activation function, std::size_t count, const float* input, float* output);

/// Computes each channel times its gate, for any blocking. `gate` is (N, C) in the same blocking,
/// padded as the layout. Input and output may be the same memory.
void gate_channels(const Layout& layout, const float* input, const float* gate, float* output);

/// Computes output = a + b, elementwise.
void add_elements(std::size_t count, const float* a, const float* b, float* output);

}  // namespace weightlift
