#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include "weightlift/tensor/dtype.h"
#include "weightlift/tensor/shape.h"

namespace weightlift {

template <class T>
constexpr bool kIsElement = false;
template <>
inline constexpr bool kIsElement<float> = true;
template <>
inline constexpr bool kIsElement<double> = true;
template <>
inline constexpr bool kIsElement<std::int64_t> = true;

template <class T>
constexpr DType dtype_of() {
  static_assert(kIsElement<T>, "float, double or std::int64_t");
  if constexpr (std::is_same_v<T, float>) return DType::F32;
  if constexpr (std::is_same_v<T, double>) return DType::F64;
  return DType::I64;
}

/// A value handle on row-major, packed, little-endian elements. Copies share one immutable buffer;
/// assigning to a handle never writes to it.
///
/// The bytes are a view: owner() keeps them alive, or, where it is null, the caller of view().
/// Threads: as a shared_ptr. All const calls of one handle may overlap, and any calls of two
/// handles on one buffer; a call that assigns to a handle overlaps with no other call on it.
class Tensor {
 public:
  /// No elements of F32, shape [0].
  Tensor();

  /// A view of `bytes`, which `owner` keeps alive; where it is null, the caller does, as long as
  /// the tensor or a copy of it lives. Throws MismatchError unless `bytes` is exactly numel(shape)
  /// elements long.
  static Tensor view(DType dtype, Shape shape, std::span<const std::byte> bytes,
                     std::shared_ptr<const void> owner);

  /// A tensor that owns `values`, of torch's dtype for T (float is F32).
  template <class T>
  static Tensor of(Shape shape, std::vector<T> values) {
    auto owner = std::make_shared<const std::vector<T>>(std::move(values));
    const std::span<const T> elements(*owner);
    return view(dtype_of<T>(), std::move(shape), std::as_bytes(elements), std::move(owner));
  }

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  std::int64_t numel() const;

  /// Valid as long as this handle or a copy of it lives (see owner()).
  std::span<const std::byte> bytes() const& { return bytes_; }
  std::span<const std::byte> bytes() const&& = delete;

  /// What keeps the bytes alive: two views of one mapped file have the same owner. Null where the
  /// caller of view() does, and of Tensor().
  const std::shared_ptr<const void>& owner() const { return owner_; }

  /// The elements. Throws MismatchError unless T is dtype()'s type and the bytes are aligned for it
  /// (see aligned()).
  template <class T>
  std::span<const T> data() const& {
    check_access(dtype_of<T>(), alignof(T));
    return {reinterpret_cast<const T*>(bytes_.data()), bytes_.size() / sizeof(T)};
  }
  template <class T>
  std::span<const T> data() const&& = delete;

  /// This tensor, or a copy where its bytes do not begin at a multiple of 8: files may put any
  /// element at any offset.
  Tensor aligned() const;

 private:
  Tensor(DType dtype, Shape shape, std::span<const std::byte> bytes,
         std::shared_ptr<const void> owner)
      : dtype_(dtype), shape_(std::move(shape)), bytes_(bytes), owner_(std::move(owner)) {}
  void check_access(DType wanted, std::size_t alignment) const;

  DType dtype_;
  Shape shape_;
  std::span<const std::byte> bytes_;
  std::shared_ptr<const void> owner_;
};

}  // namespace weightlift
