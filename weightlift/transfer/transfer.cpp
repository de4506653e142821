#include "weightlift/transfer/transfer.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "weightlift/base/message.h"
#include "weightlift/base/text.h"

namespace weightlift {

namespace {

using Nodes = std::vector<const Node*>;

std::string side(const Nodes& nodes, std::size_t position) {
  return position < nodes.size() ? describe(*nodes[position]) : "nothing";
}

/// Returns both sides from two before to two after the first difference, one pair per line.
std::string context(const Nodes& src, const Nodes& dest, std::size_t position) {
  const std::size_t first = position < 2 ? 0 : position - 2;
  const std::size_t last = std::min(position + 3, std::max(src.size(), dest.size()));
  std::string text;
  for (std::size_t i = first; i < last; ++i) {
    text += fmt::format("\n  {} {:>4}  {}\n  {:>6}  {}", i == position ? ">" : " ", i, side(src, i),
                        "", side(dest, i));
  }
  return text;
}

bool same_operation(const Node& src, const Node& dest) {
  return src.op == dest.op && src.shape == dest.shape;
}

Nodes without(Nodes nodes, const std::vector<std::string>& skip) {
  std::erase_if(nodes, [&](const Node* node) {
    return std::ranges::find(skip, op_name(node->op)) != skip.end();
  });
  return nodes;
}

void require_pairs(const Nodes& src, const Nodes& dest) {
  const std::size_t length = std::max(src.size(), dest.size());
  for (std::size_t i = 0; i < length; ++i) {
    if (i < src.size() && i < dest.size() && same_operation(*src[i], *dest[i])) continue;
    throw MismatchError(fmt::format(
        "the operations differ: {} in the source, {} in the destination, first difference at {}: "
        "{} and {}{}",
        src.size(), dest.size(), i, side(src, i), side(dest, i), context(src, dest, i)));
  }
}

TransferredOperation plan_pair(const Node& src, const Node& dest) {
  TransferredOperation pair{src.path, dest.path, to_string(src.op), {}};
  const auto from = src.module->own_slots();
  const auto to = dest.module->own_slots();
  for (std::size_t i = 0; i < std::max(from.size(), to.size()); ++i) {
    if (i >= from.size() || i >= to.size() || from[i].name != to[i].name ||
        from[i].shape != to[i].shape || from[i].tensor->shape() != to[i].shape) {
      throw MismatchError(fmt::format("{} and {}", src.path, dest.path),
                          fmt::format("their tensors differ, the first at {}: {}", i,
                                      i < from.size() ? from[i].name : "none"));
    }
    pair.tensors.emplace_back(join_path(src.path, from[i].name), join_path(dest.path, to[i].name));
  }
  return pair;
}

/// Refuses a transfer after which a slot of dest has no tensor, neither from a pair nor from
/// before.
void require_filled(const std::vector<Module::Slot>& slots,
                    const std::map<std::string, Tensor>& moved) {
  for (const Module::Slot& slot : slots) {
    if (!moved.contains(slot.name) && slot.tensor->shape() != slot.shape) {
      throw MismatchError(slot.name,
                          "missing in the destination, because its operation is skipped");
    }
  }
}

/// Refuses a source with a tensor that no operation of its forward pass has: it would stay behind.
/// All others are moved with a pair, or dropped where the caller skips their operation.
void require_used(const std::vector<Module::ConstSlot>& slots, const Nodes& operations) {
  std::set<std::string> used;
  for (const Node* node : operations) {
    for (const Module::ConstSlot& slot : node->module->own_slots()) {
      used.insert(join_path(node->path, slot.name));
    }
  }
  std::vector<std::string> left;
  for (const Module::ConstSlot& slot : slots) {
    if (!used.contains(slot.name)) left.push_back(slot.name);
  }
  if (left.empty()) return;
  throw MismatchError(fmt::format("no operation of the source uses {} of its tensors: {}",
                                  left.size(), first_of(left)));
}

}  // namespace

Tracker::Tracker(const Module& module, const Shape& input) : graph_(trace(module, input)) {}

std::vector<const Node*> Tracker::traced() const {
  Nodes nodes;
  for (const Node& node : graph_.nodes()) {
    if (node.module != nullptr) nodes.push_back(&node);
  }
  return nodes;
}

std::vector<const Node*> Tracker::parametrized() const {
  Nodes nodes = traced();
  std::erase_if(nodes, [](const Node* node) { return !node->module->has_state(); });
  return nodes;
}

std::size_t TransferReport::tensor_count() const {
  std::size_t count = 0;
  for (const TransferredOperation& operation : operations) count += operation.tensors.size();
  return count;
}

TransferReport ModuleTransfer::operator()(const Shape& input) const {
  const Tracker src_tracker(src, input);
  const Tracker dest_tracker(dest, input);
  const Nodes from = without(src_tracker.parametrized(), src_skip);
  const Nodes to = without(dest_tracker.parametrized(), dest_skip);
  require_pairs(from, to);
  TransferReport report;
  std::map<std::string, Tensor> moved;  // by their names in dest
  for (std::size_t i = 0; i < from.size(); ++i) {
    const TransferredOperation& pair = report.operations.emplace_back(plan_pair(*from[i], *to[i]));
    const auto slots = from[i]->module->own_slots();
    for (std::size_t k = 0; k < slots.size(); ++k) {
      moved.insert_or_assign(pair.tensors[k].second, *slots[k].tensor);
    }
  }
  require_used(src.slots(), src_tracker.parametrized());
  const std::vector<Module::Slot> slots = dest.slots();
  require_filled(slots, moved);
  for (const Module::Slot& slot : slots) {
    if (const auto found = moved.find(slot.name); found != moved.end())
      *slot.tensor = found->second;
  }
  if (verbose) {
    for (const TransferredOperation& operation : report.operations) verbose(operation);
  }
  return report;
}

void require_equal_graphs(const Graph& src, const Graph& dest) {
  const std::vector<GraphDifference> differences = compare_graphs(src, dest);
  if (differences.empty()) return;
  Nodes from;
  Nodes to;
  for (const Node& node : src.nodes()) from.push_back(&node);
  for (const Node& node : dest.nodes()) to.push_back(&node);
  const GraphDifference& first = differences.front();
  throw MismatchError(fmt::format("{} operations differ, the first at {}: {} and {}{}",
                                  differences.size(), first.position, first.a, first.b,
                                  context(from, to, first.position)));
}

}  // namespace weightlift
