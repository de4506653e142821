#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "weightlift/tensor.h"

namespace weightlift {

class Module;
class Graph;

/// torch.nn.Conv2d's arguments for square kernels, with torch's meaning: dilation counts from 1.
struct Conv2dOptions {
  std::int64_t in_channels;
  std::int64_t out_channels;
  std::int64_t kernel_size;
  std::int64_t stride = 1;
  std::int64_t padding = 0;
  std::int64_t dilation = 1;
  std::int64_t groups = 1;
  bool bias = true;
  bool operator==(const Conv2dOptions&) const = default;
};

/// torch.nn.BatchNorm2d's arguments, in evaluation mode.
struct BatchNorm2dOptions {
  std::int64_t num_features;
  double eps = 1e-5;
  bool operator==(const BatchNorm2dOptions&) const = default;
};

/// torch.nn.MaxPool2d's arguments; padding is never the maximum.
struct MaxPool2dOptions {
  std::int64_t kernel_size;
  std::int64_t stride;
  std::int64_t padding = 0;
  bool operator==(const MaxPool2dOptions&) const = default;
};

/// torch.nn.Linear's arguments; weights are [out_features, in_features].
struct LinearOptions {
  std::int64_t in_features;
  std::int64_t out_features;
  bool bias = true;
  bool operator==(const LinearOptions&) const = default;
};

/// An elementwise function by transformers' name for it (ACT2FN).
enum class Activation : std::uint8_t {
  kRelu,
  kRelu6,
  kSilu,
  kGelu,
  kGeluTanh,
  kMish,
  kHardswish,
  kLeakyRelu,
  kTanh,
  kSigmoid,
  kLinear,
};

/// "relu", "gelu_pytorch_tanh" and so on: the spelling of config.json's `hidden_act`.
std::string_view to_string(Activation activation);

struct ActivationOptions {
  Activation function = Activation::kRelu;
  bool operator==(const ActivationOptions&) const = default;
};

/// Input of the graph (torch.fx's placeholder).
struct Placeholder {
  bool operator==(const Placeholder&) const = default;
};
/// torch.nn.AdaptiveAvgPool2d((1, 1)): the mean over height and width.
struct AdaptiveAvgPool2dOptions {
  bool operator==(const AdaptiveAvgPool2dOptions&) const = default;
};
/// torch.nn.Flatten: (N, C, H, W) to (N, C*H*W).
struct FlattenOptions {
  bool operator==(const FlattenOptions&) const = default;
};
/// Elementwise sum of two values of one shape.
struct AddOptions {
  bool operator==(const AddOptions&) const = default;
};
/// Product of a value (N, C, H, W) and a gate (N, C, 1, 1): each channel times its gate.
struct MulOptions {
  bool operator==(const MulOptions&) const = default;
};

/// The operation of a node with its attributes. Equal Ops on equal inputs and weights give equal
/// outputs.
using Op = std::variant<Placeholder, Conv2dOptions, BatchNorm2dOptions, ActivationOptions,
                        MaxPool2dOptions, AdaptiveAvgPool2dOptions, FlattenOptions, LinearOptions,
                        AddOptions, MulOptions>;

/// Returns the kind alone, by torch's class name: "Conv2d", "BatchNorm2d", "add", "mul".
std::string_view op_name(const Op& op);

/// Returns kind and attributes on one line: "Conv2d(3, 64, kernel_size=7, stride=2, padding=3,
/// bias=False)".
std::string to_string(const Op& op);

using NodeId = std::size_t;

struct Node {
  Op op;
  std::vector<NodeId> inputs;
  Shape shape;           ///< of the output
  const Module* module;  ///< the leaf that recorded this node, nullptr for placeholder, add and mul
  std::string path;      ///< the leaf's path, or for add and mul that of the module around it
};

/// "layer1.0.conv1": the path of a module and the name of a child or tensor of it.
std::string join_path(const std::string& path, const std::string& name);

/// "layer1.0.act1: activation(relu) -> [1, 64, 56, 56]"
std::string describe(const Node& node);

/// A symbolic value inside a trace: one node's output. Valid as long as its graph.
struct Value {
  Graph* graph;
  NodeId node;
  const Shape& shape() const;
};

/// The operations that `forward` recorded, in execution order: a node's inputs come before it. A
/// graph holds addresses of the traced modules and must not outlive them.
class Graph {
 public:
  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<NodeId>& outputs() const { return outputs_; }
  /// The names of `outputs`: "logits", "last_hidden_state", "pooler_output".
  const std::vector<std::string>& output_names() const { return output_names_; }
  /// Throws UsageError for an id that the graph does not have.
  const Node& node(NodeId id) const;

  /// Adds a node; the caller infers its shape. Throws UsageError for inputs that the graph does not
  /// have, and MismatchError for a shape of negative or too many elements.
  Value record(Op op, std::vector<NodeId> inputs, Shape shape, const Module* module);
  /// Adds an output by transformers' name for it. Throws UsageError for a value of another graph.
  void mark_output(Value value, std::string name);

  /// Say which module is running. Module::operator() calls them.
  void enter(const Module& module);
  void leave() { path_stack_.pop_back(); }

 private:
  friend Graph trace(const Module& module, Shape input);

  std::vector<Node> nodes_;
  std::vector<NodeId> outputs_;
  std::vector<std::string> output_names_;
  // Only during trace(): here and not in the modules, so that several threads can trace them.
  std::unordered_map<const Module*, std::string> paths_;
  std::vector<std::string> path_stack_;
};

/// A difference between two graphs: the nodes of both sides at one position.
struct GraphDifference {
  std::size_t position;  ///< index of the node in execution order, in both graphs
  std::string a;         ///< "layer1.0.act1: ReLU()", or "nothing" beyond the end
  std::string b;
};

/// Compares node by node in execution order: op, attributes, inputs, output shape, and which nodes
/// are outputs. Ignores names and weights. Returns nothing where the graphs are equal.
std::vector<GraphDifference> compare_graphs(const Graph& a, const Graph& b);

}  // namespace weightlift
