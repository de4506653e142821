#include "weightlift/runtime/kernels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>

#include "weightlift/base/bytes.h"

namespace weightlift {

namespace {

/// Elementwise loops of fewer elements run faster on one thread.
constexpr std::int64_t kParallelElements = 4096;

template <class Function>
void for_each_element(std::size_t count, const float* input, float* output, Function function) {
  const auto size = narrow<std::int64_t>(count);
#pragma omp parallel for if (size > kParallelElements)
  for (std::int64_t i = 0; i < size; ++i) output[i] = function(input[i]);
}

/// Computes transcendental functions in double and rounds once.
template <class Function>
void for_each_in_double(std::size_t count, const float* input, float* output, Function function) {
  for_each_element(count, input, output, [function](float x) {
    return static_cast<float>(function(static_cast<double>(x)));
  });
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// torch.nn.GELU(): x times the standard normal distribution function.
double gelu(double x) { return x * 0.5 * std::erfc(-x / std::numbers::sqrt2); }

/// torch.nn.GELU(approximate="tanh").
double gelu_tanh(double x) {
  const double inner = std::numbers::sqrt2 * std::numbers::inv_sqrtpi * (x + 0.044715 * x * x * x);
  return 0.5 * x * (1 + std::tanh(inner));
}

double mish(double x) { return x * std::tanh(std::log1p(std::exp(x))); }

float relu(float x) { return x > 0 || std::isnan(x) ? x : 0; }

float relu6(float x) { return std::isnan(x) ? x : std::clamp(x, 0.0F, 6.0F); }

/// Computes one output row of max_pool: `out_w` windows on the input rows [first_row, last_row).
/// The block is a template argument, so that a window's maxima stay in registers.
template <std::int64_t kBlock>
void max_pool_row(std::int64_t in_w, const float* plane, const MaxPool2dOptions& o,
                  std::int64_t first_row, std::int64_t last_row, std::int64_t out_w, float* out) {
  for (std::int64_t x = 0; x < out_w; ++x, out += kBlock) {
    const std::int64_t left = x * o.stride - o.padding;
    const std::int64_t first = std::max<std::int64_t>(left, 0);
    const std::int64_t last = std::min(left + o.kernel_size, in_w);
    std::array<float, static_cast<std::size_t>(kBlock)> most;
    most.fill(-std::numeric_limits<float>::infinity());
    for (std::int64_t row = first_row; row < last_row; ++row) {
      const float* pixel = plane + (row * in_w + first) * kBlock;
      for (std::int64_t column = first; column < last; ++column, pixel += kBlock) {
#pragma omp simd
        for (std::size_t c = 0; c < most.size(); ++c) {
          most[c] = pixel[c] > most[c] || pixel[c] != pixel[c] ? pixel[c] : most[c];
        }
      }
    }
    std::ranges::copy(most, out);
  }
}

/// Adds the pixels of one block of channels to `sums`, in order.
template <std::int64_t kBlock>
void sum_pixels(std::int64_t pixels, const float* input, double* sums) {
  std::array<double, static_cast<std::size_t>(kBlock)> lanes{};
  for (std::int64_t p = 0; p < pixels; ++p, input += kBlock) {
    for (std::size_t c = 0; c < lanes.size(); ++c) lanes[c] += static_cast<double>(input[c]);
  }
  std::ranges::copy(lanes, sums);
}

/// Multiplies the pixels of one block of channels by the block's gates.
template <std::int64_t kBlock>
void gate_pixels(std::int64_t pixels, const float* input, const float* gate, float* output) {
  for (std::int64_t i = 0; i < pixels * kBlock; i += kBlock) {
#pragma omp simd
    for (std::int64_t c = 0; c < kBlock; ++c) output[i + c] = input[i + c] * gate[c];
  }
}

/// Sixteen independent sums keep the processor's adders busy and the error small.
float dot(const float* a, const float* b, std::int64_t count) {
  constexpr std::int64_t kLanes = 16;
  std::array<float, kLanes> sums{};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      sums[static_cast<std::size_t>(lane)] += a[i + lane] * b[i + lane];
    }
  }
  double sum = 0;
  for (const float lane : sums) sum += static_cast<double>(lane);
  for (; i < count; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return static_cast<float>(sum);
}

}  // namespace

void reblock(const Layout& in, const float* input, const Layout& out, float* output,
             std::int64_t groups) {
  const std::int64_t pixels = in.pixels();
  const std::int64_t in_group = in.c / groups;
  const std::int64_t out_group = out.c / groups;
  // The lanes of this many pixels stay in the first cache until all are written.
  constexpr std::int64_t kPixels = 256;
#pragma omp parallel for collapse(2) if (out.elements() > kParallelElements)
  for (std::int64_t plane = 0; plane < out.n * out.blocks(); ++plane) {
    for (std::int64_t first = 0; first < pixels; first += kPixels) {
      const std::int64_t count = std::min(kPixels, pixels - first);
      float* to = output + (plane * pixels + first) * out.block;
      for (std::int64_t lane = 0; lane < out.block; ++lane) {
        const std::int64_t channel = plane % out.blocks() * out.block + lane;
        if (channel >= out.c || channel % out_group >= in_group) {
          for (std::int64_t p = 0; p < count; ++p) to[p * out.block + lane] = 0;
          continue;
        }
        const std::int64_t c = channel / out_group * in_group + channel % out_group;
        const std::int64_t in_plane = plane / out.blocks() * in.blocks() + c / in.block;
        const float* from = input + (in_plane * pixels + first) * in.block + c % in.block;
        for (std::int64_t p = 0; p < count; ++p) to[p * out.block + lane] = from[p * in.block];
      }
    }
  }
}

void subsample(const Layout& in, const float* input, std::int64_t stride, float* output) {
  const std::int64_t out_h = (in.h - 1) / stride + 1;
  const std::int64_t out_w = (in.w - 1) / stride + 1;
#pragma omp parallel for
  for (std::int64_t plane = 0; plane < in.n * in.blocks(); ++plane) {
    const float* from = input + plane * in.pixels() * in.block;
    float* to = output + plane * out_h * out_w * in.block;
    for (std::int64_t y = 0; y < out_h; ++y) {
      for (std::int64_t x = 0; x < out_w; ++x, to += in.block) {
        std::copy_n(from + (y * in.w + x) * stride * in.block, in.block, to);
      }
    }
  }
}

void max_pool(const Layout& in, const float* input, const MaxPool2dOptions& options,
              const Layout& out, float* output) {
  const auto row = in.block == 16  ? max_pool_row<16>
                   : in.block == 8 ? max_pool_row<8>
                                   : max_pool_row<1>;
#pragma omp parallel for collapse(2)
  for (std::int64_t plane = 0; plane < in.n * in.blocks(); ++plane) {
    for (std::int64_t y = 0; y < out.h; ++y) {
      const std::int64_t top = y * options.stride - options.padding;
      row(in.w, input + plane * in.pixels() * in.block, options, std::max<std::int64_t>(top, 0),
          std::min(top + options.kernel_size, in.h), out.w,
          output + (plane * out.h + y) * out.w * out.block);
    }
  }
}

void global_mean(const Layout& in, const float* input, float* output) {
  const auto sum = in.block == 16 ? sum_pixels<16> : in.block == 8 ? sum_pixels<8> : sum_pixels<1>;
  const std::int64_t pixels = in.pixels();
#pragma omp parallel for if (in.elements() > kParallelElements)
  for (std::int64_t plane = 0; plane < in.n * in.blocks(); ++plane) {
    const std::int64_t first = plane % in.blocks() * in.block;
    std::array<double, 16> sums{};
    sum(pixels, input + plane * pixels * in.block, sums.data());
    float* to = output + plane / in.blocks() * in.c + first;
    for (std::int64_t c = 0; c < std::min(in.block, in.c - first); ++c) {
      to[c] = static_cast<float>(sums[static_cast<std::size_t>(c)] / static_cast<double>(pixels));
    }
  }
}

void linear(const LinearOptions& options, std::int64_t n, const float* x, const float* weights,
            const double* bias, float* y) {
  const std::int64_t in = options.in_features;
  const std::int64_t out = options.out_features;
#pragma omp parallel for
  for (std::int64_t row = 0; row < out; ++row) {
    for (std::int64_t i = 0; i < n; ++i) {
      const double product = static_cast<double>(dot(weights + row * in, x + i * in, in));
      y[i * out + row] = static_cast<float>(product + bias[row]);
    }
  }
}

void scale_channels(const Layout& layout, const float* input, std::span<const double> scale,
                    std::span<const double> shift, float* output) {
  const std::int64_t pixels = layout.pixels();
#pragma omp parallel for
  for (std::int64_t i = 0; i < layout.n * layout.c; ++i) {
    const auto c = static_cast<std::size_t>(i % layout.c);
    for (std::int64_t p = i * pixels; p < (i + 1) * pixels; ++p) {
      output[p] = static_cast<float>(static_cast<double>(input[p]) * scale[c] + shift[c]);
    }
  }
}

void activate(Activation function, std::size_t count, const float* input, float* output) {
  switch (function) {
    case Activation::kRelu:
      return for_each_element(count, input, output, [](float x) { return relu(x); });
    case Activation::kRelu6:
      return for_each_element(count, input, output, [](float x) { return relu6(x); });
    case Activation::kSilu:
      return for_each_in_double(count, input, output, [](double x) { return x * sigmoid(x); });
    case Activation::kGelu:
      return for_each_in_double(count, input, output, [](double x) { return gelu(x); });
    case Activation::kGeluTanh:
      return for_each_in_double(count, input, output, [](double x) { return gelu_tanh(x); });
    case Activation::kMish:
      return for_each_in_double(count, input, output, [](double x) { return mish(x); });
    case Activation::kHardswish:
      return for_each_in_double(count, input, output,
                                [](double x) { return x * std::clamp(x + 3, 0.0, 6.0) / 6; });
    case Activation::kLeakyRelu:
      return for_each_element(count, input, output, [](float x) { return x > 0 ? x : x * 0.01F; });
    case Activation::kTanh:
      return for_each_in_double(count, input, output, [](double x) { return std::tanh(x); });
    case Activation::kSigmoid:
      return for_each_in_double(count, input, output, [](double x) { return sigmoid(x); });
    case Activation::kLinear:
      std::copy_n(input, count, output);
  }
}

void gate_channels(const Layout& layout, const float* input, const float* gate, float* output) {
  const auto rows = layout.block == 16  ? gate_pixels<16>
                    : layout.block == 8 ? gate_pixels<8>
                                        : gate_pixels<1>;
  const std::int64_t elements = layout.pixels() * layout.block;
#pragma omp parallel for if (layout.elements() > kParallelElements)
  for (std::int64_t plane = 0; plane < layout.n * layout.blocks(); ++plane) {
    rows(layout.pixels(), input + plane * elements, gate + plane * layout.block,
         output + plane * elements);
  }
}

void add_elements(std::size_t count, const float* a, const float* b, float* output) {
  const auto size = narrow<std::int64_t>(count);
#pragma omp parallel for if (size > kParallelElements)
  for (std::int64_t i = 0; i < size; ++i) output[i] = a[i] + b[i];
}

}  // namespace weightlift
