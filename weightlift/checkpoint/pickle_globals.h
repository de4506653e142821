#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "weightlift/tensor.h"

namespace weightlift {

/// What a global of a pickle stands for.
enum class GlobalKind : std::uint8_t {
  kDict,  ///< dict, and classes that hold the same items
  kOrderedDict,
  kSet,
  kSize,                       ///< torch.Size, a tuple
  kRebuildTensor,              ///< (storage, offset, size, stride)
  kRebuildTensorV2,            ///< the same, requires_grad, hooks[, metadata]
  kRebuildTensorV3,            ///< the same with dtype before metadata
  kRebuildParameter,           ///< (tensor, requires_grad, hooks)
  kRebuildParameterWithState,  ///< the same, state
  kRebuildFromType,            ///< (function, type, arguments of the function, state)
  kRebuildDeviceTensor,        ///< (tensor, dtype, device, requires_grad)
  kTensorType,  ///< torch.Tensor and so on, as a type in kRebuildFromType. Called: ()
                ///< and a state (storage, offset, size, stride), of torch 0.x
  kParameter,   ///< the same for parameters. Called: (tensor[, requires_grad])
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
