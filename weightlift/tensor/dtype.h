#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace weightlift {

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

/// Size of one element in bytes.
std::size_t item_bytes(DType dtype);

/// Whether the dtype is F16, BF16, F32 or F64: those of weights.
bool is_floating(DType dtype);

/// torch's name, as in `dtype` of config.json: F32 is "float32".
std::string_view torch_name(DType dtype);

}  // namespace weightlift
