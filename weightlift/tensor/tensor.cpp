#include "weightlift/tensor.h"

#include <fmt/format.h>

#include <cstdint>
#include <utility>

#include "weightlift/base/bytes.h"
#include "weightlift/base/message.h"

namespace weightlift {

Tensor::Tensor() : dtype_(DType::F32), shape_{0} {}

Tensor Tensor::view(DType dtype, Shape shape, std::span<const std::byte> bytes,
                    std::shared_ptr<const void> owner) {
  const auto count = checked_numel(shape);
  const auto wanted =
      count ? checked_mul(static_cast<std::size_t>(*count), item_bytes(dtype)) : std::nullopt;
  if (!wanted) {
    throw MismatchError(
        fmt::format("size of {} {} is out of range", to_string(dtype), to_string(shape)));
  }
  if (*wanted != bytes.size()) {
    throw MismatchError(fmt::format("{} {}: expected {} bytes, got {}", to_string(dtype),
                                    to_string(shape), *wanted, bytes.size()));
  }
  return {dtype, std::move(shape), bytes, std::move(owner)};
}

std::int64_t Tensor::numel() const {
  return narrow<std::int64_t>(bytes_.size() / item_bytes(dtype_));
}

Tensor Tensor::aligned() const {
  if (reinterpret_cast<std::uintptr_t>(bytes_.data()) % 8 == 0) return *this;
  auto copy = std::make_shared<const std::vector<std::byte>>(bytes_.begin(), bytes_.end());
  const std::span<const std::byte> bytes(*copy);
  return {dtype_, shape_, bytes, std::move(copy)};
}

void Tensor::check_access(DType wanted, std::size_t alignment) const {
  if (wanted != dtype_) {
    throw MismatchError(
        fmt::format("expected {} elements, got {}", to_string(wanted), to_string(dtype_)));
  }
  if (reinterpret_cast<std::uintptr_t>(bytes_.data()) % alignment != 0) {
    throw MismatchError("elements are not aligned in memory");
  }
}

}  // namespace weightlift
