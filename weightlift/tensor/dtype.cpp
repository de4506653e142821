#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "weightlift/error.h"
#include "weightlift/tensor.h"

namespace weightlift {

namespace {

struct DTypeRow {
  std::string_view name;
  std::string_view torch_name;
  std::size_t item_bytes;
};

constexpr std::array<DTypeRow, 19> kDTypes = {{
    {"BOOL", "bool", 1},
    {"U8", "uint8", 1},
    {"I8", "int8", 1},
    {"F8_E5M2", "float8_e5m2", 1},
    {"F8_E4M3", "float8_e4m3fn", 1},
    {"F8_E8M0", "float8_e8m0fnu", 1},
    {"F8_E4M3FNUZ", "float8_e4m3fnuz", 1},
    {"F8_E5M2FNUZ", "float8_e5m2fnuz", 1},
    {"I16", "int16", 2},
    {"U16", "uint16", 2},
    {"F16", "float16", 2},
    {"BF16", "bfloat16", 2},
    {"I32", "int32", 4},
    {"U32", "uint32", 4},
    {"F32", "float32", 4},
    {"C64", "complex64", 8},
    {"F64", "float64", 8},
    {"I64", "int64", 8},
    {"U64", "uint64", 8},
}};

const DTypeRow& row(DType dtype) {
  const auto index = static_cast<std::size_t>(dtype);
  if (index >= kDTypes.size())
    throw UsageError("dtype", fmt::format("no dtype has number {}", index));
  return kDTypes[index];
}

/// The dtype whose row has this text in a column.
std::optional<DType> find_row(std::string_view DTypeRow::*column, std::string_view text) {
  const auto* const found = std::ranges::find(kDTypes, text, column);
  if (found == kDTypes.end()) return std::nullopt;
  return static_cast<DType>(found - kDTypes.begin());
}

}  // namespace

std::string_view to_string(DType dtype) { return row(dtype).name; }

std::optional<DType> parse_dtype(std::string_view name) { return find_row(&DTypeRow::name, name); }

std::optional<DType> parse_torch_dtype(std::string_view name) {
  return find_row(&DTypeRow::torch_name, name);
}

std::size_t item_bytes(DType dtype) { return row(dtype).item_bytes; }

bool is_floating(DType dtype) {
  return dtype == DType::F16 || dtype == DType::BF16 || dtype == DType::F32 || dtype == DType::F64;
}

std::string_view torch_name(DType dtype) { return row(dtype).torch_name; }

}  // namespace weightlift
