#include "weightlift/nn/module.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <utility>

#include "weightlift/base/message.h"
#include "weightlift/base/text.h"

namespace weightlift {

Value Module::operator()(Value input) const {
  input.graph->enter(*this);
  const Value output = forward(input);
  input.graph->leave();
  return output;
}

std::vector<std::pair<std::string, const Module*>> Module::named_modules() const {
  std::vector<std::pair<std::string, const Module*>> all = {{"", this}};
  for (const auto& [name, child] : children_) {
    for (const auto& [below, module] : std::as_const(*child).named_modules()) {
      all.emplace_back(below.empty() ? name : join_path(name, below), module);
    }
  }
  return all;
}

std::vector<Module::Slot> Module::slots() {
  std::vector<Slot> all;
  for (const auto& [path, module] : named_modules()) {
    for (const Slot& slot : module->own_) {
      all.push_back({join_path(path, slot.name), slot.shape, slot.role, slot.tensor});
    }
  }
  return all;
}

std::vector<Module::ConstSlot> Module::slots() const {
  std::vector<ConstSlot> all;
  for (const auto& [path, module] : named_modules()) {
    for (const Slot& slot : module->own_) {
      all.push_back({join_path(path, slot.name), slot.shape, slot.role, slot.tensor});
    }
  }
  return all;
}

std::vector<Module::ConstSlot> Module::own_slots() const {
  std::vector<ConstSlot> all;
  for (const Slot& slot : own_) all.push_back({slot.name, slot.shape, slot.role, slot.tensor});
  return all;
}

StateDict Module::state_dict() const {
  StateDict result;
  for (const ConstSlot& slot : slots()) result.insert(slot.name, *slot.tensor);
  return result;
}

void Module::load_state_dict(const StateDict& state_dict) {
  const std::vector<Slot> all = slots();
  std::vector<std::string> missing;
  std::vector<std::string> misshapen;
  std::set<std::string, std::less<>> known;
  for (const Slot& slot : all) {
    known.insert(slot.name);
    const bool counter = slot.role == SlotRole::kCounter;
    const Tensor* tensor = state_dict.find(slot.name);
    if (tensor == nullptr) {
      missing.push_back(slot.name);
    } else if (tensor->shape() != slot.shape) {
      misshapen.push_back(fmt::format("{}: expected {}, got {}", slot.name, to_string(slot.shape),
                                      to_string(tensor->shape())));
    } else if (counter ? tensor->dtype() != DType::I64 : !is_floating(tensor->dtype())) {
      misshapen.push_back(fmt::format("{}: expected {}, got {}", slot.name,
                                      counter ? "I64" : "F32, F16, BF16 or F64",
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
  const auto found = std::ranges::find(own_, name, &Slot::name);
  return found == own_.end() ? nullptr : found->tensor;
}

std::int64_t count_parameters(const Module& module) {
  std::int64_t count = 0;
  for (const Module::ConstSlot& slot : module.slots()) {
    if (slot.role == SlotRole::kParameter) count += numel(slot.shape);
  }
  return count;
}

Graph trace(const Module& module, Shape input) {
  Graph graph;
  for (const auto& [path, below] : module.named_modules()) graph.paths_.emplace(below, path);
  const Value in = graph.record(Placeholder{}, {}, std::move(input), nullptr);
  const Value out = module(in);
  if (graph.outputs().empty()) graph.mark_output(out, "logits");
  graph.paths_.clear();
  return graph;
}

Value add(Value x, Value y) {
  if (x.graph != y.graph) throw UsageError("add", "the values are of two graphs");
  if (x.shape() != y.shape()) {
    throw MismatchError("add", fmt::format("expected two values of one shape, got {} and {}",
                                           to_string(x.shape()), to_string(y.shape())));
  }
  return x.graph->record(AddOptions{}, {x.node, y.node}, x.shape(), nullptr);
}

Value mul(Value x, Value gate) {
  if (x.graph != gate.graph) throw UsageError("mul", "the values are of two graphs");
  const Shape& shape = x.shape();
  if (shape.size() != 4 || gate.shape() != Shape{shape[0], shape[1], 1, 1}) {
    throw MismatchError("mul",
                        fmt::format("expected (N, C, H, W) and a gate (N, C, 1, 1), got {} and {}",
                                    to_string(shape), to_string(gate.shape())));
  }
  return x.graph->record(MulOptions{}, {x.node, gate.node}, shape, nullptr);
}

}  // namespace weightlift
