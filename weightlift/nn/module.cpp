#include "weightlift/nn/module.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "weightlift/base/error.h"
#include "weightlift/base/text.h"

namespace weightlift {

namespace {

std::string join(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "." + name;
}

}  // namespace

Value Module::operator()(Value input) {
  input.graph->enter(path_);
  const Value output = forward(input);
  input.graph->leave();
  return output;
}

std::vector<std::pair<std::string, Module*>> Module::named_modules() {
  std::vector<std::pair<std::string, Module*>> all = {{"", this}};
  for (auto& [name, child] : children_) {
    for (auto& [below, module] : child->named_modules()) {
      all.emplace_back(below.empty() ? name : name + "." + below, module);
    }
  }
  return all;
}

std::vector<Module::Slot> Module::slots() {
  std::vector<Slot> all;
  for (const auto& [path, module] : named_modules()) {
    for (const OwnSlot& slot : module->own_) {
      all.push_back({join(path, slot.name), slot.shape, slot.counter, slot.tensor});
    }
  }
  return all;
}

StateDict Module::state_dict() {
  StateDict result;
  for (const Slot& slot : slots()) result.insert(slot.name, *slot.tensor);
  return result;
}

void Module::load_state_dict(const StateDict& state_dict) {
  const std::vector<Slot> all = slots();
  std::vector<std::string> missing;
  std::vector<std::string> misshapen;
  std::set<std::string, std::less<>> known;
  for (const Slot& slot : all) {
    known.insert(slot.name);
    const Tensor* tensor = state_dict.find(slot.name);
    if (tensor == nullptr) {
      missing.push_back(slot.name);
    } else if (tensor->shape() != slot.shape) {
      misshapen.push_back(fmt::format("{}: expected {}, got {}", slot.name, to_string(slot.shape),
                                      to_string(tensor->shape())));
    } else if (slot.counter ? tensor->dtype() != DType::I64 : !is_floating(tensor->dtype())) {
      misshapen.push_back(fmt::format("{}: expected {}, got {}", slot.name,
                                      slot.counter ? "I64" : "F32, F16, BF16 or F64",
                                      to_string(tensor->dtype())));
    }
  }
  std::vector<std::string> unexpected;
  for (const auto& [name, tensor] : state_dict) {
    if (!known.contains(name)) unexpected.push_back(printable(name));
  }
  std::vector<std::string> faults;
  if (!missing.empty()) {
    faults.push_back(fmt::format("{} missing ({})", missing.size(), first_of(missing)));
  }
  if (!unexpected.empty()) {
    faults.push_back(fmt::format("{} unexpected ({})", unexpected.size(), first_of(unexpected)));
  }
  if (!misshapen.empty()) {
    faults.push_back(
        fmt::format("{} of another shape or dtype ({})", misshapen.size(), first_of(misshapen)));
  }
  if (!faults.empty()) {
    throw MismatchError(fmt::format("the tensors do not match the network's {}: {}", all.size(),
                                    fmt::join(faults, ", ")));
  }
  for (const Slot& slot : all) *slot.tensor = state_dict.at(slot.name);
}

const Tensor* Module::own(std::string_view name) const {
  const auto found = std::ranges::find(own_, name, &OwnSlot::name);
  return found == own_.end() ? nullptr : found->tensor;
}

void Module::set_paths(const std::string& path) {
  path_ = path;
  for (auto& [name, child] : children_) child->set_paths(join(path, name));
}

Graph trace(Module& module, Shape input) {
  module.set_paths("");
  Graph graph;
  const Value in = graph.record(Placeholder{}, {}, std::move(input), nullptr);
  const Value out = module(in);
  if (graph.outputs().empty()) graph.mark_output(out);
  return graph;
}

Value add(Value x, Value y) {
  if (x.shape() != y.shape()) {
    throw MismatchError("add", fmt::format("expected two values of one shape, got {} and {}",
                                           to_string(x.shape()), to_string(y.shape())));
  }
  return x.graph->record(AddOptions{}, {x.node, y.node}, x.shape(), nullptr);
}

}  // namespace weightlift
