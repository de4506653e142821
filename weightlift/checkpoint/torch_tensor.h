#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "weightlift/checkpoint/torch.h"
#include "weightlift/tensor/tensor.h"

namespace weightlift {

/// Reads the tensor that `id`, a kRebuild, describes. A copy counts against `copy_budget`, in
/// bytes. Throws FormatError "where: tensor 'name': ...".
Tensor read_torch_tensor(const TorchFile& file, PickleId id, std::string_view name, Reading reading,
                         std::uint64_t& copy_budget);

/// What kind of tensor an opaque value of torch's would be ("a sparse tensor"), "" for a value that
/// is no tensor.
std::string foreign_tensor(const PickleNode& node);

}  // namespace weightlift
