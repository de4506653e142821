#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "weightlift/tensor/dtype.h"

namespace weightlift {

/// What a global of a pickle stands for.
enum class GlobalKind : std::uint8_t {
  kOrderedDict,
  kSet,
  kSize,                       ///< torch.Size, a tuple
  kRebuildTensor,              ///< (storage, offset, size, stride)
  kRebuildTensorV2,            ///< the same, requires_grad, hooks[, metadata]
  kRebuildTensorV3,            ///< the same with dtype before metadata
  kRebuildParameter,           ///< (tensor, requires_grad, hooks)
  kRebuildParameterWithState,  ///< the same, state
  kRebuildFromType,            ///< (function, type, arguments of the function, state)
  kTensorType,                 ///< torch.Tensor and Parameter, as a type in the former
  kStorage,
  kDType,
};

/// A global that stands for data. Only its name is compared; nothing is imported or called.
struct KnownGlobal {
  std::string_view module;
  std::string_view name;
  GlobalKind kind;
  std::optional<DType> dtype = std::nullopt;  ///< of kStorage and kDType, where it is supported
  std::size_t item_bytes = 0;                 ///< of kStorage and kDType
};

/// torch's storage class for that dtype, nullptr where there is none (float8, uint16 to uint64).
const KnownGlobal* find_storage_global(DType dtype);

/// The row of exactly that module and name, nullptr where there is none.
const KnownGlobal* find_known_global(std::string_view module, std::string_view name);

}  // namespace weightlift
