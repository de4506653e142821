#include <fmt/format.h>
#include <fmt/ranges.h>

#include "weightlift/base/bytes.h"
#include "weightlift/base/message.h"
#include "weightlift/tensor.h"

namespace weightlift {

std::int64_t numel(const Shape& shape) {
  const auto count = checked_numel(shape);
  if (!count) throw MismatchError(fmt::format("size of {} is out of range", to_string(shape)));
  return *count;
}

std::optional<std::int64_t> checked_numel(const Shape& shape) {
  std::int64_t product = 1;
  bool empty = false;
  for (const std::int64_t dim : shape) {
    if (dim < 0) return std::nullopt;
    if (dim == 0) {
      empty = true;
      continue;
    }
    const auto next = checked_mul(product, dim);
    if (!next) return std::nullopt;
    product = *next;
  }
  return empty ? 0 : product;
}

std::string to_string(const Shape& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

}  // namespace weightlift
