#include "weightlift/checkpoint/output_elements.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <span>

#include "weightlift/base/bytes.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint/crc32.h"
#include "weightlift/checkpoint/tensor_name.h"
#include "weightlift/tensor/convert.h"

namespace weightlift {

namespace {

std::string name_place(std::string_view name) {
  return fmt::format("tensor '{}'", printable(name));
}

void require_convertible(const OutputTensor& output) {
  const DType from = output.tensor.dtype();
  if (from == output.dtype || (is_floating(from) && is_floating(output.dtype))) return;
  throw UnsupportedError(
      name_place(output.name),
      fmt::format("cannot convert {} to {}: only F16, BF16, F32 and F64 can be converted",
                  to_string(from), to_string(output.dtype)));
}

}  // namespace

void require_writable(const std::vector<OutputTensor>& tensors) {
  std::vector<std::string_view> names;
  names.reserve(tensors.size());
  for (const OutputTensor& output : tensors) {
    require_writable_name(output.name);
    if (output.tensor.shape().size() > kMaxRank) {
      throw FormatError(name_place(output.name),
                        fmt::format("expected at most {} dimensions, got {}", kMaxRank,
                                    output.tensor.shape().size()));
    }
    names.emplace_back(output.name);
  }
  std::ranges::sort(names);
  if (const auto twice = std::ranges::adjacent_find(names); twice != names.end()) {
    throw FormatError(name_place(*twice), "duplicate name");
  }
  for (const OutputTensor& output : tensors) require_convertible(output);
}

std::uint64_t stored_bytes(const OutputTensor& tensor) {
  return narrow<std::uint64_t>(tensor.tensor.numel()) * item_bytes(tensor.dtype);
}

std::uint32_t stored_crc32(const OutputTensor& tensor) {
  std::uint32_t crc = 0;
  read_as(tensor.tensor, tensor.dtype, [&](std::span<const std::byte> piece) {
    crc = crc32(piece, crc);
    return true;
  });
  return crc;
}

void append_elements(const OutputTensor& tensor, OutputSink& output) {
  read_as(tensor.tensor, tensor.dtype, [&](std::span<const std::byte> piece) {
    output.append(piece);
    return true;
  });
}

}  // namespace weightlift
