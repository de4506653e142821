#include "weightlift/tensor/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>

#include "weightlift/base/bytes.h"
#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/tensor/convert.h"

namespace weightlift {

namespace {

float load_float(std::span<const std::byte> bytes, std::size_t index) {
  float value = 0;
  std::memcpy(&value, bytes.data() + index * sizeof(float), sizeof(float));
  return value;
}

void require_comparable(const Tensor& a, const Tensor& b) {
  if (a.dtype() == DType::F32 && b.dtype() == DType::F32 && a.shape() == b.shape()) return;
  throw MismatchError(fmt::format(
      "cannot compare {} {} with {} {}: both must be F32 and of the same shape",
      to_string(a.dtype()), to_string(a.shape()), to_string(b.dtype()), to_string(b.shape())));
}

bool same_value(float x, float y) { return x == y || (std::isnan(x) && std::isnan(y)); }

/// Counts over unsigned bit patterns: with the sign shifted out, a value is infinite where the
/// rest equals kInfinity and NaN beyond. Sums per piece fit 32 bits, which vectorises best.
template <class Bits, Bits kInfinity>
void count_piece(std::span<const std::byte> bytes, NonFinite& counts) {
  constexpr Bits kMagnitude = std::numeric_limits<Bits>::max() >> 1U;
  std::uint32_t nan = 0;
  std::uint32_t inf = 0;
  const std::size_t count = bytes.size() / sizeof(Bits);
  for (std::size_t i = 0; i < count; ++i) {
    Bits bits;
    std::memcpy(&bits, bytes.data() + i * sizeof(Bits), sizeof(Bits));
    bits = static_cast<Bits>(bits & kMagnitude);
    nan += bits > kInfinity ? 1U : 0U;
    inf += bits == kInfinity ? 1U : 0U;
  }
  counts.nan += nan;
  counts.inf += inf;
}

}  // namespace

bool bit_equal(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && bit_equal_converted(a, b);
}

bool bit_equal_converted(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape()) return false;
  bool equal = true;
  std::size_t start = 0;
  read_as(a, b.dtype(), [&](std::span<const std::byte> left) {
    const auto right = b.bytes().subspan(start, left.size());
    equal = std::memcmp(left.data(), right.data(), left.size()) == 0;
    release_mapped(right);
    start += left.size();
    return equal;
  });
  return equal;
}

Difference measure_difference(const Tensor& a, const Tensor& b) {
  require_comparable(a, b);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  Difference result;
  const auto count = narrow<std::size_t>(a.numel());
  for (std::size_t i = 0; i < count; ++i) {
    const float x = load_float(a.bytes(), i);
    const float y = load_float(b.bytes(), i);
    if (same_value(x, y)) continue;
    ++result.different_count;
    float abs = std::fabs(x - y);
    if (std::isnan(abs)) abs = kInfinity;
    result.sum_abs += static_cast<double>(abs);
    float rel = abs / std::fabs(y);
    if (std::isnan(rel)) rel = kInfinity;
    result.max_rel = std::max(result.max_rel, rel);
    if (result.max_abs_index < 0 || abs > result.max_abs) {
      result.max_abs = abs;
      result.max_abs_index = narrow<std::int64_t>(i);
    }
  }
  return result;
}

bool allclose(const Tensor& a, const Tensor& b, double rtol, double atol) {
  require_comparable(a, b);
  if (!(rtol >= 0) || !(atol >= 0)) {
    throw UsageError("allclose",
                     fmt::format("expected tolerances >= 0, got {} and {}", rtol, atol));
  }
  // torch rounds both tolerances to the tensors' dtype before it uses them.
  const auto relative = static_cast<float>(rtol);
  const auto absolute = static_cast<float>(atol);
  const auto count = narrow<std::size_t>(a.numel());
  for (std::size_t i = 0; i < count; ++i) {
    const float x = load_float(a.bytes(), i);
    const float y = load_float(b.bytes(), i);
    if (same_value(x, y)) continue;
    const float actual = std::fabs(x - y);
    if (!std::isfinite(actual) || actual > absolute + std::fabs(relative * y)) return false;
  }
  return true;
}

NonFinite count_non_finite(const Tensor& tensor) {
  NonFinite counts;
  read_as(tensor, tensor.dtype(), [&](std::span<const std::byte> piece) {
    switch (tensor.dtype()) {
      case DType::F16:
        count_piece<std::uint16_t, 0x7C00>(piece, counts);
        return true;
      case DType::BF16:
        count_piece<std::uint16_t, 0x7F80>(piece, counts);
        return true;
      case DType::F32:
        count_piece<std::uint32_t, 0x7F800000>(piece, counts);
        return true;
      case DType::F64:
        count_piece<std::uint64_t, 0x7FF0000000000000>(piece, counts);
        return true;
      default:
        return false;
    }
  });
  return counts;
}

}  // namespace weightlift
