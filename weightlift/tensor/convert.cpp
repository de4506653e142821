#include "weightlift/tensor/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <vector>

#include "weightlift/base/file.h"
#include "weightlift/base/message.h"

namespace weightlift {

namespace {

static_assert(
    std::endian::native == std::endian::little,
    "weightlift supports only little-endian machines, because its files are little-endian");

// The four kernels below have no branches on data (only selections), so that compilers vectorise
// the loops over them.

constexpr std::uint32_t kInfinity32 = 0x7F800000;
/// F32's exponent bias, 127, less F16's, 15; shifted to the exponent's place.
constexpr std::uint32_t kBiasDifference = (127U - 15U) << 23U;

/// `a` where `condition` holds, else `b`, by arithmetic: with ?: GCC emits a jump, and then does
/// not vectorise the loop.
std::uint32_t select(bool condition, std::uint32_t a, std::uint32_t b) {
  const std::uint32_t mask = 0U - static_cast<std::uint32_t>(condition);
  return (a & mask) | (b & ~mask);
}

float float_from_half(std::uint16_t half) {
  const std::uint32_t sign = (half & 0x8000U) << 16U;
  const std::uint32_t magnitude = half & 0x7FFFU;
  const std::uint32_t normal = (magnitude << 13U) + kBiasDifference;
  const std::uint32_t infinite = (magnitude << 13U) + 2 * kBiasDifference;
  const std::uint32_t quiet = magnitude > 0x7C00U ? 0x400000U : 0U;
  // A denormal counts units of 2^-24, exactly.
  const auto denormal = std::bit_cast<std::uint32_t>(static_cast<float>(magnitude) * 0x1p-24F);
  const std::uint32_t finite = magnitude < 0x0400U ? denormal : normal;
  return std::bit_cast<float>(sign | (magnitude >= 0x7C00U ? infinite | quiet : finite));
}

std::uint16_t half_from_float(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16U) & 0x8000U;
  const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  // Half an ulp less one, and one more where the last kept bit is odd: half to even. A carry runs
  // into the exponent, and from the largest finite half into infinity.
  const std::uint32_t rounded = magnitude + 0xFFFU + ((magnitude >> 13U) & 1U);
  const std::uint32_t normal = (rounded - kBiasDifference) >> 13U;
  // Below 2^-14 halves are 2^-24 apart, as floats are in [0.5, 1): the addition rounds to them.
  const auto shifted = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5F);
  const std::uint32_t denormal = shifted - std::bit_cast<std::uint32_t>(0.5F);
  const std::uint32_t nan = 0x7E00U | ((magnitude >> 13U) & 0x3FFU);
  std::uint32_t result = select(magnitude < 0x38800000U, denormal, normal);
  result = select(magnitude >= 0x47800000U, 0x7C00U, result);  // 2^16 and beyond
  result = select(magnitude > kInfinity32, nan, result);
  return static_cast<std::uint16_t>(sign | result);
}

float float_from_bfloat(std::uint16_t bfloat) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bfloat) << 16U);
}

std::uint16_t bfloat_from_float(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U;
  const bool nan = (bits & 0x7FFFFFFFU) > kInfinity32;
  return static_cast<std::uint16_t>(nan ? 0x7FC0U : rounded);
}

float float_from_double(double value) { return static_cast<float>(value); }
double double_from_float(float value) { return static_cast<double>(value); }

/// Elements that are converted at once: they stay in the first cache.
constexpr std::size_t kBlock = 2048;

/// out[i] = kernel(in[i]) over bytes of any alignment.
template <class From, class To, class Kernel>
void map_elements(std::span<const std::byte> in, std::span<std::byte> out, Kernel kernel) {
  const std::size_t count = in.size() / sizeof(From);
  for (std::size_t i = 0; i < count; ++i) {
    From element;
    std::memcpy(&element, in.data() + i * sizeof(From), sizeof(From));
    const To converted = kernel(element);
    std::memcpy(out.data() + i * sizeof(To), &converted, sizeof(To));
  }
}

void to_floats(std::span<const std::byte> in, DType from, std::span<std::byte> out) {
  switch (from) {
    case DType::F16:
      return map_elements<std::uint16_t, float>(in, out, float_from_half);
    case DType::BF16:
      return map_elements<std::uint16_t, float>(in, out, float_from_bfloat);
    case DType::F64:
      return map_elements<double, float>(in, out, float_from_double);
    default:
      std::memcpy(out.data(), in.data(), in.size());
  }
}

void from_floats(std::span<const std::byte> in, DType to, std::span<std::byte> out) {
  switch (to) {
    case DType::F16:
      return map_elements<float, std::uint16_t>(in, out, half_from_float);
    case DType::BF16:
      return map_elements<float, std::uint16_t>(in, out, bfloat_from_float);
    case DType::F64:
      return map_elements<float, double>(in, out, double_from_float);
    default:
      std::memcpy(out.data(), in.data(), in.size());
  }
}

void require_convertible(std::span<const std::byte> in, DType from, DType to,
                         std::span<const std::byte> out) {
  if (!is_floating(from) || !is_floating(to)) {
    throw UnsupportedError(
        fmt::format("cannot convert {} to {}: only F16, BF16, F32 and F64 can be converted",
                    to_string(from), to_string(to)));
  }
  const std::size_t count = in.size() / item_bytes(from);
  if (in.size() % item_bytes(from) != 0 || out.size() % item_bytes(to) != 0 ||
      out.size() / item_bytes(to) != count) {
    throw MismatchError(fmt::format(
        "cannot convert {} bytes of {} to {} bytes of {}: their elements differ in number",
        in.size(), to_string(from), out.size(), to_string(to)));
  }
}

}  // namespace

void convert_elements(std::span<const std::byte> in, DType from, DType to,
                      std::span<std::byte> out) {
  require_convertible(in, from, to, out);
  if (from == to) {
    std::ranges::copy(in, out.begin());
    return;
  }
  // Every conversion goes through F32.
  std::array<float, kBlock> floats;  // NOLINT: written before it is read, block by block
  const std::size_t count = in.size() / item_bytes(from);
  for (std::size_t start = 0; start < count; start += kBlock) {
    const std::size_t length = std::min(kBlock, count - start);
    const auto block = std::as_writable_bytes(std::span(floats).first(length));
    to_floats(in.subspan(start * item_bytes(from), length * item_bytes(from)), from, block);
    from_floats(block, to, out.subspan(start * item_bytes(to), length * item_bytes(to)));
  }
}

void convert_elements_via(std::span<const std::byte> in, DType from, DType via, DType to,
                          std::span<std::byte> out) {
  if (from == via || via == to) return convert_elements(in, from, to, out);
  require_convertible(in, from, to, out);
  std::array<std::byte, kBlock * sizeof(double)> between;  // NOLINT: written before it is read
  const std::size_t count = in.size() / item_bytes(from);
  for (std::size_t start = 0; start < count; start += kBlock) {
    const std::size_t length = std::min(kBlock, count - start);
    const auto block = std::span(between).first(length * item_bytes(via));
    convert_elements(in.subspan(start * item_bytes(from), length * item_bytes(from)), from, via,
                     block);
    convert_elements(block, via, to, out.subspan(start * item_bytes(to), length * item_bytes(to)));
  }
}

void read_as(const Tensor& tensor, DType dtype, const PieceReader& read) {
  // A multiple of every page size for every dtype.
  constexpr std::size_t kPiece = std::size_t{1} << 18U;  // elements
  const std::size_t item = item_bytes(tensor.dtype());
  const std::size_t count = tensor.bytes().size() / item;
  const bool converts = dtype != tensor.dtype();
  std::vector<std::byte> converted(converts ? std::min(kPiece, count) * item_bytes(dtype) : 0);
  for (std::size_t start = 0; start < count; start += kPiece) {
    const std::size_t length = std::min(kPiece, count - start);
    const auto own = tensor.bytes().subspan(start * item, length * item);
    std::span<const std::byte> piece = own;
    if (converts) {
      const auto to = std::span(converted).first(length * item_bytes(dtype));
      convert_elements(own, tensor.dtype(), dtype, to);
      piece = to;
    }
    const bool more = read(piece);
    release_mapped(own);
    if (!more) return;
  }
}

Tensor to_dtype(const Tensor& tensor, DType dtype) {
  if (tensor.dtype() == dtype) return tensor;
  const std::size_t count = tensor.bytes().size() / item_bytes(tensor.dtype());
  auto converted = std::make_shared<std::vector<std::byte>>(count * item_bytes(dtype));
  convert_elements(tensor.bytes(), tensor.dtype(), dtype, *converted);
  const std::span<const std::byte> bytes(*converted);
  return Tensor::view(dtype, tensor.shape(), bytes, std::move(converted));
}

}  // namespace weightlift
