#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weightlift/models.h"
#include "weightlift/tensor.h"

namespace weightlift {

/// The name of a folder's config, for transformers and for timm.
inline constexpr const char* kConfigFile = "config.json";

/// Maximum size of a config.json in bytes: ImageNet-21k's labels take 2 MB.
inline constexpr std::size_t kMaxConfigBytes = std::size_t{4} << 20U;

/// The release whose config.json weightlift writes, byte for byte.
inline constexpr std::string_view kTransformersVersion = "5.23.0";

/// The dtype that weights of several floating dtypes get: their own where they have one, else F32.
/// It holds F16 and BF16 exactly. F64 among others is rounded, as torch does where it loads such
/// weights into a network. F32 for none.
DType common_dtype(const std::vector<DType>& dtypes);

/// Whether a config.json is transformers': it has `model_type`, of any model, and no
/// `architecture`. Throws FormatError where it is not JSON.
bool is_transformers_config(std::string_view text, const std::string& where);

}  // namespace weightlift
