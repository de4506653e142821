#pragma once

#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/nn/module.h"
#include "weightlift/state_dict.h"

namespace weightlift::testing {

/// A tensor for tests that read only names and shapes. All share one buffer of zeros.
inline Tensor blank_tensor(const Shape& shape, DType dtype = DType::F32) {
  constexpr std::size_t kLargest = std::size_t{512} << 20;
  static const std::shared_ptr<std::byte> buffer(static_cast<std::byte*>(std::calloc(kLargest, 1)),
                                                 std::free);
  const std::size_t bytes = static_cast<std::size_t>(numel(shape)) * item_bytes(dtype);
  return Tensor::view(dtype, shape, std::span(buffer.get(), bytes), buffer);
}

/// The tensors of a network, without values.
inline StateDict blank_tensors(const Module& network) {
  StateDict tensors;
  for (const Module::ConstSlot& slot : network.slots()) {
    const bool counter = slot.role == SlotRole::kCounter;
    tensors.insert(slot.name, blank_tensor(slot.shape, counter ? DType::I64 : DType::F32));
  }
  return tensors;
}

/// The networks of a file of tests/data: lines "= NAME", each before the names and dimensions of
/// its tensors.
inline std::map<std::string, StateDict> read_networks(std::string_view file) {
  std::ifstream in(std::string(WEIGHTLIFT_TEST_DATA "/") + std::string(file));
  std::map<std::string, StateDict> networks;
  StateDict* network = nullptr;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("= ")) {
      network = &networks[line.substr(2)];
      continue;
    }
    std::istringstream words(line);
    std::string name;
    words >> name;
    Shape shape;
    for (std::int64_t dim = 0; words >> dim;) shape.push_back(dim);
    const bool counter = name.ends_with("num_batches_tracked");
    network->insert(name, blank_tensor(shape, counter ? DType::I64 : DType::F32));
  }
  return networks;
}

/// "NAME [dimensions]" of each tensor, in order.
inline std::vector<std::string> listed(const StateDict& tensors) {
  std::vector<std::string> lines;
  for (const auto& [name, tensor] : tensors)
    lines.push_back(name + " " + to_string(tensor.shape()));
  return lines;
}

/// The same tensors sorted by name, as in a safetensors file.
inline StateDict sorted(const StateDict& tensors) {
  const std::map<std::string, Tensor> by_name(tensors.begin(), tensors.end());
  StateDict result;
  for (const auto& [name, tensor] : by_name) result.insert(name, tensor);
  return result;
}

/// A copy with one tensor replaced or added.
inline StateDict with_tensor(const StateDict& tensors, const std::string& name, Tensor tensor) {
  StateDict result;
  for (const auto& [key, value] : tensors) {
    if (key != name) result.insert(key, value);
  }
  result.insert(name, std::move(tensor));
  return result;
}

/// A copy without the tensors whose names begin so.
inline StateDict without(const StateDict& tensors, std::string_view start) {
  StateDict result;
  for (const auto& [name, tensor] : tensors) {
    if (!name.starts_with(start)) result.insert(name, tensor);
  }
  return result;
}

}  // namespace weightlift::testing
