#include "weightlift/checkpoint.h"
#include "weightlift/tensor.h"

namespace weightlift {

std::vector<OutputTensor> output_tensors(const StateDict& tensors, std::optional<DType> dtype) {
  std::vector<OutputTensor> outputs;
  outputs.reserve(tensors.size());
  for (const auto& [name, tensor] : tensors) {
    const bool changes = dtype && is_floating(tensor.dtype());
    outputs.push_back({name, tensor, changes ? *dtype : tensor.dtype()});
  }
  return outputs;
}

}  // namespace weightlift
