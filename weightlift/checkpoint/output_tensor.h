#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "weightlift/tensor/dtype.h"
#include "weightlift/tensor/state_dict.h"
#include "weightlift/tensor/tensor.h"

namespace weightlift {

/// Called after each piece with the bytes written so far and the total, on the thread that writes.
/// May throw, to stop writing.
using WriteProgress = std::function<void(std::uint64_t bytes_done, std::uint64_t bytes_total)>;

/// One tensor to write as `dtype`: converted while it is written where it has another (convert.h).
/// A handle: its bytes live as those of any Tensor, and it is as safe between threads.
struct OutputTensor {
  std::string name;
  Tensor tensor;
  DType dtype;
};

/// All tensors, in their order. Floating ones (is_floating) get `dtype` where it is given, the
/// others keep theirs.
std::vector<OutputTensor> output_tensors(const StateDict& tensors,
                                         std::optional<DType> dtype = std::nullopt);

}  // namespace weightlift
