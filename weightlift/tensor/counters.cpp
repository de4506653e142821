#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weightlift/state_dict.h"
#include "weightlift/tensor.h"
#include "weightlift/tensor/convert.h"

namespace weightlift {

namespace {

constexpr std::string_view kCounter = "num_batches_tracked";
constexpr std::string_view kMean = "running_mean";

/// Whether `last` is the last part of a tensor's name, "bn1.running_mean".
bool ends_in_part(std::string_view name, std::string_view last) {
  if (!name.ends_with(last)) return false;
  return name.size() == last.size() || name[name.size() - last.size() - 1] == '.';
}

/// The first element of a tensor with elements of T. Files may put it at any address.
template <class T>
T first_of_data(const Tensor& tensor) {
  T value{};
  std::memcpy(&value, tensor.bytes().data(), sizeof(value));
  return value;
}

/// The only element of an integer tensor, nothing for other dtypes and beyond 63 bits.
std::optional<std::int64_t> as_integer(const Tensor& tensor) {
  switch (tensor.dtype()) {
    case DType::BOOL:
    case DType::U8:
      return first_of_data<std::uint8_t>(tensor);
    case DType::I8:
      return first_of_data<std::int8_t>(tensor);
    case DType::U16:
      return first_of_data<std::uint16_t>(tensor);
    case DType::I16:
      return first_of_data<std::int16_t>(tensor);
    case DType::U32:
      return first_of_data<std::uint32_t>(tensor);
    case DType::I32:
      return first_of_data<std::int32_t>(tensor);
    case DType::I64:
      return first_of_data<std::int64_t>(tensor);
    case DType::U64: {
      const auto value = first_of_data<std::uint64_t>(tensor);
      if (!std::in_range<std::int64_t>(value)) return std::nullopt;
      return static_cast<std::int64_t>(value);
    }
    default:
      return std::nullopt;
  }
}

Tensor scalar(std::int64_t count) { return Tensor::of(Shape{}, std::vector<std::int64_t>{count}); }

/// A counter as torch loads it: int64, without dimensions. Empty where it is not one number.
std::optional<Tensor> as_counter(const Tensor& tensor) {
  if (tensor.numel() != 1 || tensor.shape().size() > 1) return std::nullopt;
  std::optional<std::int64_t> count;
  if (is_floating(tensor.dtype())) {
    const auto value = first_of_data<double>(to_dtype(tensor, DType::F64));
    constexpr double kMost = 9e15;  // larger doubles skip integers
    if (value > -kMost && value < kMost) count = static_cast<std::int64_t>(value);
  } else {
    count = as_integer(tensor);
  }
  if (!count) return std::nullopt;
  return scalar(*count);
}

}  // namespace

CounterChanges complete_counters(StateDict& tensors) {
  std::vector<std::string> absent;
  std::vector<std::pair<std::string, Tensor>> mended;
  for (const auto& [name, tensor] : tensors) {
    if (ends_in_part(name, kMean)) {
      std::string counter = name.substr(0, name.size() - kMean.size());
      counter += kCounter;
      if (!tensors.contains(counter)) absent.push_back(std::move(counter));
    } else if (ends_in_part(name, kCounter)) {
      if (tensor.dtype() == DType::I64 && tensor.shape().empty()) continue;
      if (auto counter = as_counter(tensor)) mended.emplace_back(name, std::move(*counter));
    }
  }
  for (auto& [name, counter] : mended) tensors.replace(name, std::move(counter));
  for (std::string& name : absent) tensors.insert(std::move(name), scalar(0));
  return {static_cast<std::int64_t>(absent.size()), static_cast<std::int64_t>(mended.size())};
}

}  // namespace weightlift
