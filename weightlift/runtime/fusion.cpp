#include "weightlift/runtime/fusion.h"

#include <variant>

namespace weightlift {

namespace {

class Fuser {
 public:
  explicit Fuser(const Graph& graph)
      : graph_(graph), uses_(count_uses(graph)), only_user_(graph.nodes().size()) {
    for (NodeId id = 0; id < graph.nodes().size(); ++id) {
      for (const NodeId input : graph.node(id).inputs) {
        if (uses_[input] == 1) only_user_[input] = id;
      }
    }
  }

  std::vector<Fusion> run(bool fuse) {
    taken_.assign(graph_.nodes().size(), false);
    done_.assign(graph_.nodes().size(), false);
    std::vector<Fusion> steps;
    for (NodeId id = 0; id < graph_.nodes().size(); ++id) {
      if (taken_[id]) continue;
      Fusion step{id, id, {}, {}, false};
      if (fuse && std::holds_alternative<Conv2dOptions>(graph_.node(id).op)) extend(step);
      done_[step.result] = true;
      steps.push_back(step);
    }
    return steps;
  }

 private:
  void extend(Fusion& step) {
    if (const auto next = follower<BatchNorm2dOptions>(step.result)) {
      step.batch_norm = next;
      take(step, *next);
    }
    if (const auto next = follower<AddOptions>(step.result)) {
      const auto& inputs = graph_.node(*next).inputs;
      const NodeId other = inputs[0] == step.result ? inputs[1] : inputs[0];
      if (!done_[other]) return;
      step.residual = other;
      take(step, *next);
    }
    const auto next = follower<ActivationOptions>(step.result);
    if (next && std::get<ActivationOptions>(graph_.node(*next).op).function == Activation::kRelu) {
      step.relu = true;
      take(step, *next);
    }
  }

  /// Returns the node that is the only user of `id`'s output, where it is of that kind.
  template <class Options>
  std::optional<NodeId> follower(NodeId id) const {
    const auto next = only_user_[id];
    return next && std::holds_alternative<Options>(graph_.node(*next).op) ? next : std::nullopt;
  }

  void take(Fusion& step, NodeId id) {
    taken_[id] = true;
    step.result = id;
  }

  const Graph& graph_;
  std::vector<std::size_t> uses_;
  std::vector<std::optional<NodeId>> only_user_;
  std::vector<bool> taken_;  ///< inside an earlier step
  std::vector<bool> done_;   ///< the output of an earlier step
};

}  // namespace

std::vector<std::size_t> count_uses(const Graph& graph) {
  std::vector<std::size_t> uses(graph.nodes().size(), 0);
  for (const Node& node : graph.nodes()) {
    for (const NodeId input : node.inputs) ++uses[input];
  }
  for (const NodeId output : graph.outputs()) ++uses[output];
  return uses;
}

std::vector<Fusion> plan_fusions(const Graph& graph, bool fuse) { return Fuser(graph).run(fuse); }

}  // namespace weightlift
