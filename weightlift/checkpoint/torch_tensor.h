#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "weightlift/checkpoint/torch.h"
#include "weightlift/tensor.h"

namespace weightlift {

/// Reads the tensor that `id`, a kRebuild, describes. A copy reduces `copy_budget`, in bytes.
/// Throws FormatError or UnsupportedError "where: tensor 'name': ...".
Tensor read_torch_tensor(const TorchFile& file, PickleId id, std::string_view name, Reading reading,
                         std::uint64_t& copy_budget);

/// The kind of tensor that an opaque value of torch's stands for ("a sparse tensor"), "" for a
/// value that is not a tensor.
std::string foreign_tensor(const PickleNode& node);

}  // namespace weightlift
