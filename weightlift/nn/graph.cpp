#include "weightlift/nn/graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "weightlift/base/message.h"

namespace weightlift {

namespace {

std::string side(const Graph& graph, std::size_t position) {
  return position < graph.nodes().size() ? describe(graph.node(position)) : "nothing";
}

bool is_output(const Graph& graph, NodeId id) {
  return std::ranges::find(graph.outputs(), id) != graph.outputs().end();
}

bool equal_at(const Graph& a, const Graph& b, std::size_t position) {
  if (position >= a.nodes().size() || position >= b.nodes().size()) return false;
  const Node& left = a.node(position);
  const Node& right = b.node(position);
  return left.op == right.op && left.inputs == right.inputs && left.shape == right.shape &&
         is_output(a, position) == is_output(b, position);
}

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

constexpr std::string_view python(bool value) { return value ? "True" : "False"; }

}  // namespace

std::string_view to_string(Activation activation) {
  constexpr std::array<std::string_view, 11> kNames = {
      "relu",       "relu6", "silu",    "gelu",  "gelu_pytorch_tanh", "mish", "hardswish",
      "leaky_relu", "tanh",  "sigmoid", "linear"};
  return kNames.at(static_cast<std::size_t>(activation));
}

std::string_view op_name(const Op& op) {
  constexpr std::array<std::string_view, std::variant_size_v<Op>> kNames = {
      "placeholder",       "Conv2d",  "BatchNorm2d", "activation", "MaxPool2d",
      "AdaptiveAvgPool2d", "Flatten", "Linear",      "add",        "mul"};
  return kNames.at(op.index());
}

std::string to_string(const Op& op) {
  const auto arguments = Overloaded{
      [](const Conv2dOptions& o) {
        std::string text =
            fmt::format("{}, {}, kernel_size={}, stride={}, padding={}", o.in_channels,
                        o.out_channels, o.kernel_size, o.stride, o.padding);
        if (o.dilation != 1) text += fmt::format(", dilation={}", o.dilation);
        if (o.groups != 1) text += fmt::format(", groups={}", o.groups);
        return text + fmt::format(", bias={}", python(o.bias));
      },
      [](const BatchNorm2dOptions& o) { return fmt::format("{}, eps={}", o.num_features, o.eps); },
      [](const MaxPool2dOptions& o) {
        return fmt::format("kernel_size={}, stride={}, padding={}", o.kernel_size, o.stride,
                           o.padding);
      },
      [](const LinearOptions& o) {
        return fmt::format("{}, {}, bias={}", o.in_features, o.out_features, python(o.bias));
      },
      [](const ActivationOptions& o) { return std::string(to_string(o.function)); },
      [](const AdaptiveAvgPool2dOptions&) { return std::string("1"); },
      [](const auto&) { return std::string(); },
  };
  return fmt::format("{}({})", op_name(op), std::visit(arguments, op));
}

std::string join_path(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "." + name;
}

std::string describe(const Node& node) {
  return fmt::format("{}: {} -> {}", node.path.empty() ? "(model)" : node.path, to_string(node.op),
                     to_string(node.shape));
}

const Shape& Value::shape() const { return graph->node(node).shape; }

const Node& Graph::node(NodeId id) const {
  if (id >= nodes_.size()) {
    throw UsageError("node",
                     fmt::format("the graph has {} nodes, got the id {}", nodes_.size(), id));
  }
  return nodes_[id];
}

void Graph::mark_output(Value value, std::string name) {
  if (value.graph != this) throw UsageError("output", "the value is of another graph");
  node(value.node);
  outputs_.push_back(value.node);
  output_names_.push_back(std::move(name));
}

void Graph::enter(const Module& module) {
  const auto found = paths_.find(&module);
  const std::string around = path_stack_.empty() ? std::string() : path_stack_.back();
  path_stack_.push_back(found == paths_.end() ? around : found->second);
}

Value Graph::record(Op op, std::vector<NodeId> inputs, Shape shape, const Module* module) {
  for (const NodeId input : inputs) node(input);
  if (!checked_numel(shape)) {
    throw MismatchError(std::string(op_name(op)),
                        fmt::format("shape {} is out of range", to_string(shape)));
  }
  nodes_.push_back({std::move(op), std::move(inputs), std::move(shape), module,
                    path_stack_.empty() ? std::string() : path_stack_.back()});
  return {this, nodes_.size() - 1};
}

std::vector<GraphDifference> compare_graphs(const Graph& a, const Graph& b) {
  const std::size_t length = std::max(a.nodes().size(), b.nodes().size());
  std::vector<GraphDifference> differences;
  for (std::size_t i = 0; i < length; ++i) {
    if (!equal_at(a, b, i)) differences.push_back({i, side(a, i), side(b, i)});
  }
  return differences;
}

}  // namespace weightlift
