#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "weightlift/nn/graph.h"
#include "weightlift/runtime/layout.h"

namespace weightlift {

/// The properties that distinguish one compiled convolution from another.
struct ConvolutionDescription {
  Conv2dOptions options;    ///< torch's, dilation counts from 1; a bias is always added
  std::int64_t n, h, w;     ///< of the input
  bool accumulate = false;  ///< out += instead of out =, before relu
  bool relu = false;
  bool plain = false;  ///< row-major input, output and weights; else the fastest for the processor
  bool operator==(const ConvolutionDescription&) const = default;
};

/// A float32 convolution of oneDNN for one description, one number of OpenMP threads and this
/// processor. Runs of one object may overlap.
class Convolution {
 public:
  /// Throws UnsupportedError where oneDNN has no such convolution.
  explicit Convolution(const ConvolutionDescription& description);
  ~Convolution();
  Convolution(const Convolution&) = delete;
  Convolution& operator=(const Convolution&) = delete;

  const ConvolutionDescription& description() const { return description_; }
  /// Each group of the input and the output may have more channels than the description's, zeros.
  const Layout& input() const { return input_; }
  const Layout& output() const { return output_; }
  const WeightLayout& weights() const { return weights_; }
  /// oneDNN's name of the implementation: "jit:avx2".
  const std::string& kernel() const { return kernel_; }
  std::size_t weight_bytes() const { return weight_bytes_; }
  std::size_t scratchpad_bytes() const { return scratchpad_bytes_; }

  /// Computes the output. The pointers are to memory in the layouts above; bias has one float per
  /// channel of the output.
  void run(const float* input, const float* weights, const float* bias, float* output,
           std::byte* scratchpad) const;

 private:
  struct Impl;
  ConvolutionDescription description_;
  Layout input_, output_;
  WeightLayout weights_;
  std::string kernel_;
  std::size_t weight_bytes_ = 0;
  std::size_t scratchpad_bytes_ = 0;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weightlift
