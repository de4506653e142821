#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

#include "weightlift/base/bytes.h"
#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/tensor.h"
#include "weightlift/tensor/convert.h"

namespace weightlift {

namespace {

bool has_values(DType dtype) {
  switch (dtype) {
    case DType::F8_E5M2:
    case DType::F8_E4M3:
    case DType::F8_E8M0:
    case DType::F8_E4M3FNUZ:
    case DType::F8_E5M2FNUZ:
    case DType::C64:
      return false;
    default:
      return true;
  }
}

template <class T>
void widen(std::span<const std::byte> bytes, std::span<double> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    T element;
    std::memcpy(&element, bytes.data() + i * sizeof(T), sizeof(T));
    values[i] = static_cast<double>(element);
  }
}

void load_values(std::span<const std::byte> bytes, DType dtype, std::span<double> values) {
  switch (dtype) {
    case DType::BOOL:
    case DType::U8:
      return widen<std::uint8_t>(bytes, values);
    case DType::I8:
      return widen<std::int8_t>(bytes, values);
    case DType::I16:
      return widen<std::int16_t>(bytes, values);
    case DType::U16:
      return widen<std::uint16_t>(bytes, values);
    case DType::I32:
      return widen<std::int32_t>(bytes, values);
    case DType::U32:
      return widen<std::uint32_t>(bytes, values);
    case DType::I64:
      return widen<std::int64_t>(bytes, values);
    case DType::U64:
      return widen<std::uint64_t>(bytes, values);
    default:
      return convert_elements(bytes, dtype, DType::F64, std::as_writable_bytes(values));
  }
}

/// The values of elements [start, start + values.size()). Releases their mapped pages.
void read_values(const Tensor& tensor, std::size_t start, std::span<double> values) {
  const std::size_t item = item_bytes(tensor.dtype());
  const auto chunk = tensor.bytes().subspan(start * item, values.size() * item);
  load_values(chunk, tensor.dtype(), values);
  release_mapped(chunk);
}

void compare_values(std::span<const double> a, std::span<const double> b, ValueDifference& result) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
    ++result.different_count;
    const double abs = std::fabs(a[i] - b[i]);
    const double rel = abs / std::fabs(b[i]);
    result.max_abs = std::max(result.max_abs, std::isnan(abs) ? kInfinity : abs);
    result.max_rel = std::max(result.max_rel, std::isnan(rel) ? kInfinity : rel);
  }
}

}  // namespace

std::optional<ValueDifference> value_difference(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape()) {
    throw MismatchError(
        fmt::format("cannot compare shapes {} and {}", to_string(a.shape()), to_string(b.shape())));
  }
  if (!has_values(a.dtype()) || !has_values(b.dtype())) return std::nullopt;
  constexpr std::size_t kChunk = std::size_t{1} << 18U;  // elements: 2 MiB of doubles a side
  const auto count = narrow<std::size_t>(a.numel());
  std::vector<double> x(std::min(count, kChunk));
  std::vector<double> y(x.size());
  ValueDifference result;
  for (std::size_t start = 0; start < count; start += kChunk) {
    const std::size_t length = std::min(kChunk, count - start);
    read_values(a, start, std::span(x).first(length));
    read_values(b, start, std::span(y).first(length));
    compare_values(std::span(x).first(length), std::span(y).first(length), result);
  }
  return result;
}

}  // namespace weightlift
