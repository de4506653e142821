#include "weightlift/tensor/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "weightlift/base/bytes.h"
#include "weightlift/base/error.h"
#include "weightlift/base/file.h"

namespace weightlift {

namespace {

/// Mapped memory is read and released in pieces of this size: small compared with the memory in
/// use, large compared with the cost of a system call. A multiple of every page and element size.
constexpr std::size_t kChunkBytes = std::size_t{4} << 20U;

/// Calls `use(chunk)` on consecutive pieces of `bytes`, and releases each afterwards.
template <class Use>
void for_each_chunk(std::span<const std::byte> bytes, Use use) {
  for (std::size_t start = 0; start < bytes.size(); start += kChunkBytes) {
    const auto chunk = bytes.subspan(start, std::min(kChunkBytes, bytes.size() - start));
    use(chunk);
    release_mapped(chunk);
  }
}

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
/// rest equals kInfinity and NaN beyond. Sums per chunk fit 32 bits, which vectorises best.
template <class Bits, Bits kInfinity>
void count_chunk(std::span<const std::byte> bytes, NonFinite& counts) {
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
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) return false;
  bool equal = true;
  for (std::size_t start = 0; equal && start < a.bytes().size(); start += kChunkBytes) {
    const std::size_t length = std::min(kChunkBytes, a.bytes().size() - start);
    const auto left = a.bytes().subspan(start, length);
    const auto right = b.bytes().subspan(start, length);
    equal = std::memcmp(left.data(), right.data(), length) == 0;
    release_mapped(left);
    release_mapped(right);
  }
  return equal;
}

Difference difference(const Tensor& a, const Tensor& b) {
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
  for_each_chunk(tensor.bytes(), [&](std::span<const std::byte> chunk) {
    switch (tensor.dtype()) {
      case DType::F16:
        return count_chunk<std::uint16_t, 0x7C00>(chunk, counts);
      case DType::BF16:
        return count_chunk<std::uint16_t, 0x7F80>(chunk, counts);
      case DType::F32:
        return count_chunk<std::uint32_t, 0x7F800000>(chunk, counts);
      case DType::F64:
        return count_chunk<std::uint64_t, 0x7FF0000000000000>(chunk, counts);
      default:
        return;
    }
  });
  return counts;
}

}  // namespace weightlift
