#include "weightlift/tensor/state_dict.h"

#include <fmt/format.h>

#include "weightlift/base/error.h"

namespace weightlift {

void StateDict::insert(std::string name, Tensor tensor) {
  if (!index_.emplace(name, entries_.size()).second) {
    throw MismatchError(fmt::format("tensor '{}'", printable(name)), "duplicate name");
  }
  entries_.emplace_back(std::move(name), std::move(tensor));
}

const Tensor* StateDict::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &entries_[found->second].second;
}

const Tensor& StateDict::at(std::string_view name) const {
  const Tensor* tensor = find(name);
  if (tensor == nullptr) {
    throw NotFoundError(fmt::format("tensor '{}'", printable(name)), "not found");
  }
  return *tensor;
}

NamedDict name_tensors(const StateDict& tensors) {
  NamedDict named;
  for (const auto& [name, tensor] : tensors) named.names.push_back(name);
  return named;
}

}  // namespace weightlift
