#include "weightlift/state_dict.h"

#include <fmt/format.h>

#include "weightlift/base/message.h"

namespace weightlift {

void StateDict::insert(std::string name, Tensor tensor) {
  if (!index_.emplace(name, entries_.size()).second) {
    throw MismatchError(fmt::format("tensor '{}'", printable(name)), "duplicate name");
  }
  entries_.emplace_back(std::move(name), std::move(tensor));
}

bool StateDict::erase(std::string_view name) {
  const auto found = index_.find(name);
  if (found == index_.end()) return false;
  const std::size_t place = found->second;
  index_.erase(found);
  entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(place));
  for (auto& [other, i] : index_) {
    if (i > place) --i;
  }
  return true;
}

void StateDict::replace(std::string_view name, Tensor tensor) {
  entries_[place_of(name)].second = std::move(tensor);
}

const Tensor* StateDict::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &entries_[found->second].second;
}

const Tensor& StateDict::at(std::string_view name) const { return entries_[place_of(name)].second; }

std::size_t StateDict::place_of(std::string_view name) const {
  const auto found = index_.find(name);
  if (found == index_.end()) {
    throw NotFoundError(fmt::format("tensor '{}'", printable(name)), "not found");
  }
  return found->second;
}

NamedDict name_tensors(const StateDict& tensors) {
  NamedDict named;
  for (const auto& [name, tensor] : tensors) named.names.push_back(name);
  return named;
}

}  // namespace weightlift
