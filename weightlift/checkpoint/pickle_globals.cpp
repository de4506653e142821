#include "weightlift/checkpoint/pickle_globals.h"

#include <algorithm>
#include <array>

namespace weightlift {

namespace {

/// Pickles of protocol 2 spell Python 3's `builtins` as Python 2 did.
constexpr std::array<KnownGlobal, 21> kFunctions = {{
    {"collections", "OrderedDict", GlobalKind::kOrderedDict},
    {"collections", "defaultdict", GlobalKind::kDict},
    {"collections", "Counter", GlobalKind::kDict},
    {"__builtin__", "dict", GlobalKind::kDict},
    {"builtins", "dict", GlobalKind::kDict},
    {"__builtin__", "set", GlobalKind::kSet},
    {"__builtin__", "frozenset", GlobalKind::kSet},
    {"builtins", "set", GlobalKind::kSet},
    {"builtins", "frozenset", GlobalKind::kSet},
    {"torch", "Size", GlobalKind::kSize},
    {"torch._utils", "_rebuild_tensor", GlobalKind::kRebuildTensor},
    {"torch._utils", "_rebuild_tensor_v2", GlobalKind::kRebuildTensorV2},
    {"torch._utils", "_rebuild_tensor_v3", GlobalKind::kRebuildTensorV3},
    {"torch._utils", "_rebuild_parameter", GlobalKind::kRebuildParameter},
    {"torch._utils", "_rebuild_parameter_with_state", GlobalKind::kRebuildParameterWithState},
    {"torch._tensor", "_rebuild_from_type_v2", GlobalKind::kRebuildFromType},
    {"torch._utils", "_rebuild_device_tensor_from_cpu_tensor", GlobalKind::kRebuildDeviceTensor},
    {"torch.nn.parameter", "Parameter", GlobalKind::kParameter},
    {"torch.nn.parameter", "Buffer", GlobalKind::kParameter},
    {"torch.storage", "UntypedStorage", GlobalKind::kStorage, DType::U8, 1},
    {"torch", "complex128", GlobalKind::kDType, std::nullopt, 16},
}};

/// The classes of tensors, in `torch`, and in `torch.cuda` in old files from GPUs.
constexpr std::array<KnownGlobal, 11> kTensorTypes = {{
    {"torch", "Tensor", GlobalKind::kTensorType},
    {"torch", "DoubleTensor", GlobalKind::kTensorType},
    {"torch", "FloatTensor", GlobalKind::kTensorType},
    {"torch", "HalfTensor", GlobalKind::kTensorType},
    {"torch", "BFloat16Tensor", GlobalKind::kTensorType},
    {"torch", "LongTensor", GlobalKind::kTensorType},
    {"torch", "IntTensor", GlobalKind::kTensorType},
    {"torch", "ShortTensor", GlobalKind::kTensorType},
    {"torch", "CharTensor", GlobalKind::kTensorType},
    {"torch", "ByteTensor", GlobalKind::kTensorType},
    {"torch", "BoolTensor", GlobalKind::kTensorType},
}};

/// In `torch`, and in `torch.cuda` in files from GPUs of torch 1.10 and before.
constexpr std::array<KnownGlobal, 17> kStorages = {{
    {"torch", "DoubleStorage", GlobalKind::kStorage, DType::F64, 8},
    {"torch", "FloatStorage", GlobalKind::kStorage, DType::F32, 4},
    {"torch", "HalfStorage", GlobalKind::kStorage, DType::F16, 2},
    {"torch", "BFloat16Storage", GlobalKind::kStorage, DType::BF16, 2},
    {"torch", "LongStorage", GlobalKind::kStorage, DType::I64, 8},
    {"torch", "IntStorage", GlobalKind::kStorage, DType::I32, 4},
    {"torch", "ShortStorage", GlobalKind::kStorage, DType::I16, 2},
    {"torch", "CharStorage", GlobalKind::kStorage, DType::I8, 1},
    {"torch", "ByteStorage", GlobalKind::kStorage, DType::U8, 1},
    {"torch", "BoolStorage", GlobalKind::kStorage, DType::BOOL, 1},
    {"torch", "ComplexFloatStorage", GlobalKind::kStorage, DType::C64, 8},
    {"torch", "ComplexDoubleStorage", GlobalKind::kStorage, std::nullopt, 16},
    {"torch", "QInt8Storage", GlobalKind::kStorage, std::nullopt, 1},
    {"torch", "QUInt8Storage", GlobalKind::kStorage, std::nullopt, 1},
    {"torch", "QInt32Storage", GlobalKind::kStorage, std::nullopt, 4},
    {"torch", "QUInt4x2Storage", GlobalKind::kStorage, std::nullopt, 1},
    {"torch", "QUInt2x4Storage", GlobalKind::kStorage, std::nullopt, 1},
}};

/// torch.float32 and so on, by the names of dtype.h.
constexpr std::array<KnownGlobal, 19> kDTypeGlobals = {{
    {"torch", "bool", GlobalKind::kDType, DType::BOOL, 1},
    {"torch", "uint8", GlobalKind::kDType, DType::U8, 1},
    {"torch", "int8", GlobalKind::kDType, DType::I8, 1},
    {"torch", "float8_e5m2", GlobalKind::kDType, DType::F8_E5M2, 1},
    {"torch", "float8_e4m3fn", GlobalKind::kDType, DType::F8_E4M3, 1},
    {"torch", "float8_e8m0fnu", GlobalKind::kDType, DType::F8_E8M0, 1},
    {"torch", "float8_e4m3fnuz", GlobalKind::kDType, DType::F8_E4M3FNUZ, 1},
    {"torch", "float8_e5m2fnuz", GlobalKind::kDType, DType::F8_E5M2FNUZ, 1},
    {"torch", "int16", GlobalKind::kDType, DType::I16, 2},
    {"torch", "uint16", GlobalKind::kDType, DType::U16, 2},
    {"torch", "float16", GlobalKind::kDType, DType::F16, 2},
    {"torch", "bfloat16", GlobalKind::kDType, DType::BF16, 2},
    {"torch", "int32", GlobalKind::kDType, DType::I32, 4},
    {"torch", "uint32", GlobalKind::kDType, DType::U32, 4},
    {"torch", "float32", GlobalKind::kDType, DType::F32, 4},
    {"torch", "complex64", GlobalKind::kDType, DType::C64, 8},
    {"torch", "float64", GlobalKind::kDType, DType::F64, 8},
    {"torch", "int64", GlobalKind::kDType, DType::I64, 8},
    {"torch", "uint64", GlobalKind::kDType, DType::U64, 8},
}};

template <class Table>
const KnownGlobal* find_in(const Table& table, std::string_view module, std::string_view name) {
  const auto* found = std::ranges::find_if(table, [&](const KnownGlobal& known) {
    return known.module == module && known.name == name;
  });
  return found == table.end() ? nullptr : found;
}

}  // namespace

const KnownGlobal* find_storage_global(DType dtype) {
  const auto* found = std::ranges::find(kStorages, dtype, &KnownGlobal::dtype);
  return found == kStorages.end() ? nullptr : found;
}

const KnownGlobal* find_known_global(std::string_view module, std::string_view name) {
  if (const auto* found = find_in(kFunctions, module, name)) return found;
  if (const auto* found = find_in(kDTypeGlobals, module, name)) return found;
  const bool gpu = module == "torch.cuda";
  const std::string_view owner = gpu ? "torch" : module;
  const KnownGlobal* tensor = find_in(kTensorTypes, owner, name);
  const KnownGlobal* found = tensor != nullptr ? tensor : find_in(kStorages, owner, name);
  const bool none_on_gpu = gpu && (name.starts_with('Q') || name == "Tensor");
  return none_on_gpu ? nullptr : found;
}

}  // namespace weightlift
