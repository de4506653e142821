#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include "weightlift/tensor.h"

namespace weightlift::testing {

/// The largest |a - b|; infinite where the lengths differ or a difference is NaN.
template <class A, class B>
double max_distance(std::span<const A> a, std::span<const B> b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    if (std::isnan(difference)) return std::numeric_limits<double>::infinity();
    largest = std::max(largest, difference);
  }
  return largest;
}

/// The largest |a - b| of two F32 tensors in units of the largest |b|.
inline double relative_distance(const Tensor& a, const Tensor& b) {
  double largest = 0;
  for (const float y : b.data<float>()) {
    largest = std::max(largest, std::abs(static_cast<double>(y)));
  }
  return max_distance(a.data<float>(), b.data<float>()) / largest;
}

}  // namespace weightlift::testing
