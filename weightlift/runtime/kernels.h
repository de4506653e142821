#pragma once

#include <span>

#include "weightlift/nn/graph.h"
#include "weightlift/runtime/layout.h"

namespace weightlift {

/// Plain loops for everything but convolutions, on float32, shared out over OpenMP's threads. Each
/// output element is computed by one thread in a fixed order: the number of threads does not show
/// in the result. Input and output must not overlap.

/// The same value in another blocking; the last block is filled up with zeros.
void reblock(const Layout& in, const float* input, std::int64_t out_block, float* output);

/// Every stride-th pixel of every stride-th row, for any blocking: what a 1x1 convolution with that
/// stride looks at.
void subsample(const Layout& in, const float* input, std::int64_t stride, float* output);

/// torch.nn.MaxPool2d for any blocking; NaN wins, as in torch.
void max_pool(const Layout& in, const float* input, const MaxPool2dOptions& options,
              const Layout& out, float* output);

/// Mean over height and width for any blocking of the input; the output is row-major (N, C).
void global_mean(const Layout& in, const float* input, float* output);

/// y = x W^T + b as torch.nn.Linear: x is row-major (n, in_features), W (out_features,
/// in_features).
void linear(const LinearOptions& options, std::int64_t n, const float* x, const float* weights,
            const double* bias, float* y);

/// y = x * scale + shift per channel, row-major.
void scale_channels(const Layout& layout, const float* input, std::span<const double> scale,
                    std::span<const double> shift, float* output);

/// Elementwise, as torch.nn.functional's float32 to the last bit or so: computed in double.
void activate(Activation function, std::size_t count, const float* input, float* output);

/// output = a + b, elementwise.
void add_elements(std::size_t count, const float* a, const float* b, float* output);

}  // namespace weightlift
