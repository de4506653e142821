#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace weightlift {

/// The little-endian unsigned integer at `offset` of `bytes`, nothing where it does not fit.
template <std::unsigned_integral T>
std::optional<T> load_little_endian(std::span<const std::byte> bytes, std::size_t offset = 0) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return std::nullopt;
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(value | (static_cast<T>(bytes[offset + i]) << (8 * i)));
  }
  return value;
}

/// Writes `value` little-endian into the first sizeof(T) bytes of `out`, which must have room.
template <std::unsigned_integral T>
void store_little_endian(T value, std::span<std::byte> out) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    out[i] = static_cast<std::byte>(static_cast<unsigned char>(value >> (8 * i)));
  }
}

/// Adds `value` little-endian at the end of `out`.
template <std::unsigned_integral T>
void append_little_endian(T value, std::string& out) {
  for (std::size_t i = 0; i < sizeof(T); ++i) out += static_cast<char>(value >> (8 * i));
}

/// a + b, nothing on overflow.
template <std::integral T>
std::optional<T> checked_add(T a, T b) {
  T result;
  if (__builtin_add_overflow(a, b, &result)) return std::nullopt;
  return result;
}

/// a * b, nothing on overflow.
template <std::integral T>
std::optional<T> checked_mul(T a, T b) {
  T result;
  if (__builtin_mul_overflow(a, b, &result)) return std::nullopt;
  return result;
}

/// `value` as a T. Throws std::range_error where T cannot hold it. For values that were checked
/// before: a failure is a bug, not bad input.
template <std::integral T, std::integral From>
T narrow(From value) {
  if (!std::in_range<T>(value)) throw std::range_error("integer does not fit its new type");
  return static_cast<T>(value);
}

}  // namespace weightlift
