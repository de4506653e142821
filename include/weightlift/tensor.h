#pragma once

// Layer: tensor

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "weightlift/version.h"

/// @file
/// Tensors: dtypes, shapes, elements, comparison.

namespace WEIGHTLIFT_API weightlift {

/// Element types by safetensors' names. The order is safetensors' "alignment order": a writer sorts
/// tensors by descending DType, then by name.
enum class DType : std::uint8_t {
  BOOL,
  U8,
  I8,
  F8_E5M2,
  F8_E4M3,
  F8_E8M0,
  F8_E4M3FNUZ,
  F8_E5M2FNUZ,
  I16,
  U16,
  F16,
  BF16,
  I32,
  U32,
  F32,
  C64,
  F64,
  I64,
  U64,
};

/// "F32" and so on, in safetensors' spelling.
std::string_view to_string(DType dtype);

/// The dtype of that exact spelling, nothing where it is unknown. Types below one byte are unknown:
/// their elements have no addresses.
std::optional<DType> parse_dtype(std::string_view name);

/// The dtype with that name in torch, as "float32" and "bfloat16"; nothing where it is unknown.
std::optional<DType> parse_torch_dtype(std::string_view name);

/// The size of one element in bytes.
std::size_t item_bytes(DType dtype);

/// Whether the dtype is F16, BF16, F32 or F64: those of weights.
bool is_floating(DType dtype);

/// torch's name, as in `dtype` of config.json: F32 is "float32".
std::string_view torch_name(DType dtype);

/// Dimensions of a row-major tensor, outermost first; [] is a scalar.
using Shape = std::vector<std::int64_t>;

/// The number of elements: 1 for a scalar. Throws MismatchError where checked_numel() returns
/// nothing. A tensor's own shape always has a number.
std::int64_t numel(const Shape& shape);

/// The number of elements of a shape that may be invalid, as one from a file. Returns nothing where
/// a dimension is negative, or where the product of the dimensions other than zeros exceeds 63
/// bits: [0, 2^62, 2^62] is invalid in any order.
std::optional<std::int64_t> checked_numel(const Shape& shape);

/// "[64, 3, 7, 7]"
std::string to_string(const Shape& shape);

/// Whether T is a type of elements that Tensor::of() and Tensor::data() take.
template <class T>
constexpr bool kIsElement = false;
template <>
inline constexpr bool kIsElement<float> = true;
template <>
inline constexpr bool kIsElement<double> = true;
template <>
inline constexpr bool kIsElement<std::int64_t> = true;

/// The dtype of a type of elements: F32 for float, F64 for double, I64 for std::int64_t.
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
/// The bytes are a view: owner() keeps them alive, or, where it is null, the caller of view(). A
/// tensor of a checkpoint keeps the checkpoint's file mapped, and outlives the Checkpoint.
/// Threads: as a shared_ptr. All const calls of one handle may overlap, and any calls of two
/// handles on one buffer; a call that assigns to a handle overlaps with no other call on it.
class Tensor {
 public:
  /// No elements of F32, shape [0].
  Tensor();

  /// Shares the elements. There is no move, which would leave bytes without their owner behind.
  Tensor(const Tensor&) = default;
  Tensor& operator=(const Tensor&) = default;
  ~Tensor() = default;

  /// A view of `bytes`, at any address; nothing is copied. `owner` keeps them alive; where it is
  /// null, the caller does, as long as the tensor or a copy of it lives. The bytes must not change
  /// meanwhile. Throws MismatchError unless `bytes` is exactly numel(shape) elements long.
  static Tensor view(DType dtype, Shape shape, std::span<const std::byte> bytes,
                     std::shared_ptr<const void> owner);

  /// A tensor that owns `values`, of dtype_of<T>(). Throws MismatchError unless there are
  /// numel(shape) of them.
  template <class T>
  static Tensor of(Shape shape, std::vector<T> values) {
    auto owner = std::make_shared<const std::vector<T>>(std::move(values));
    const std::span<const T> elements(*owner);
    return view(dtype_of<T>(), std::move(shape), std::as_bytes(elements), std::move(owner));
  }

  /// The type of the elements.
  DType dtype() const { return dtype_; }

  /// Outermost dimension first.
  const Shape& shape() const { return shape_; }

  /// The number of elements.
  std::int64_t numel() const;

  /// The elements in memory, little-endian: numel() * item_bytes(dtype()) bytes. Valid as long as
  /// this handle or a copy of it lives (see owner()).
  std::span<const std::byte> bytes() const& { return bytes_; }
  /// Deleted: the bytes may not outlive a temporary tensor.
  std::span<const std::byte> bytes() const&& = delete;

  /// What keeps the bytes alive: two views of one mapped file have the same owner. Null where the
  /// caller of view() keeps them alive, and of Tensor().
  const std::shared_ptr<const void>& owner() const { return owner_; }

  /// The elements as float, double or std::int64_t; valid as bytes() is. Throws MismatchError
  /// unless dtype() is dtype_of<T>() and the bytes are aligned for T (see aligned()). For other
  /// dtypes, convert with to_dtype() or read bytes().
  template <class T>
  std::span<const T> data() const& {
    check_access(dtype_of<T>(), alignof(T));
    return {reinterpret_cast<const T*>(bytes_.data()), bytes_.size() / sizeof(T)};
  }
  /// Deleted: the elements may not outlive a temporary tensor.
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

/// The tensor itself where it has that dtype, else a converted copy. Converts among F16, BF16, F32
/// and F64 as torch's Tensor.to does on a CPU: rounds half to even, overflows to infinity. Throws
/// UnsupportedError for other dtypes.
Tensor to_dtype(const Tensor& tensor, DType dtype);

/// Whether dtype, shape and bytes are the same: NaN equals the same NaN, 0 does not equal -0. Needs
/// little memory: it gives pages of mapped files back to the system while it reads.
bool bit_equal(const Tensor& a, const Tensor& b);

/// How far a tensor `a` is from `b`, both F32; a plain value. NaN in the same place of both counts
/// as equal; NaN and anything else are infinitely far apart.
struct Difference {
  float max_abs = 0;   ///< the largest |a - b|
  double sum_abs = 0;  ///< of all |a - b|; divided by the number of elements, the mean
  float max_rel = 0;   ///< the largest |a - b| / |b|; infinite where only b is 0
  std::int64_t different_count = 0;  ///< elements with a != b (0 equals -0)
  std::int64_t max_abs_index = -1;   ///< the first element that has max_abs, -1 where all are equal
};

/// Compares all elements. Throws MismatchError unless both are F32 of one shape.
Difference measure_difference(const Tensor& a, const Tensor& b);

/// torch.allclose(a, b, rtol, atol, equal_nan=True): |a - b| <= atol + rtol * |b| in float32
/// arithmetic, for each element that differs. Throws MismatchError unless both are F32 of one
/// shape, and UsageError for a tolerance that is no number >= 0.
bool allclose(const Tensor& a, const Tensor& b, double rtol, double atol);

/// How far the values of one tensor are from another's, in float64 arithmetic. The rules are those
/// of Difference: 0 equals -0, NaN equals NaN, NaN and anything else are infinitely far apart.
struct ValueDifference {
  double max_abs = 0;                ///< the largest |a - b|
  double max_rel = 0;                ///< the largest |a - b| / |b|; infinite where only b is 0
  std::int64_t different_count = 0;  ///< elements whose values are not equal
};

/// Compares values across dtypes: F16, BF16, F32, F64, integers and BOOL (integers beyond 2^53 lose
/// their last digits). Returns nothing for other dtypes. Throws MismatchError unless both have one
/// shape.
std::optional<ValueDifference> value_difference(const Tensor& a, const Tensor& b);

}  // namespace weightlift
