#include "weightlift/convert/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <future>
#include <numbers>
#include <string_view>
#include <thread>

#include "weightlift/base/error.h"
#include "weightlift/base/note.h"
#include "weightlift/runtime/program.h"
#include "weightlift/tensor/convert.h"

namespace weightlift {

namespace {

/// The result of scanning the weights, on a separate thread during the forward passes.
struct TensorScan {
  std::size_t tensors = 0;
  std::vector<std::string> different;
  std::int64_t nan_count = 0, inf_count = 0;
  std::size_t non_finite_tensors = 0;
  bool same_dtype = true;
};

/// Compares the tensors of nodes with parameters, pair by pair: names differ, the order does not.
TensorScan scan_tensors(const Graph& src, const Graph& dest) {
  TensorScan scan;
  std::vector<const Node*> from;
  std::vector<const Node*> to;
  const auto has_state = [](const Node& n) { return n.module != nullptr && n.module->has_state(); };
  for (const Node& node : src.nodes()) {
    if (has_state(node)) from.push_back(&node);
  }
  for (const Node& node : dest.nodes()) {
    if (has_state(node)) to.push_back(&node);
  }
  for (std::size_t i = 0; i < std::min(from.size(), to.size()); ++i) {
    for (const auto& slot : from[i]->module->own_slots()) {
      const Tensor& a = *slot.tensor;
      const Tensor* b = to[i]->module->own(slot.name);
      ++scan.tensors;
      const NonFinite bad = count_non_finite(a);
      scan.nan_count += bad.nan;
      scan.inf_count += bad.inf;
      scan.non_finite_tensors += bad.nan + bad.inf > 0 ? 1 : 0;
      const bool converted = b != nullptr && is_floating(a.dtype()) && a.dtype() != b->dtype() &&
                             is_floating(b->dtype());
      scan.same_dtype = scan.same_dtype && !converted;
      if (b == nullptr || !bit_equal(converted ? to_dtype(a, b->dtype()) : a, *b)) {
        scan.different.push_back(
            fmt::format("{}.{} and {}.{}", from[i]->path, slot.name, to[i]->path, slot.name));
      }
    }
  }
  return scan;
}

std::string output_name(const Graph& graph, std::size_t index) {
  if (graph.outputs().size() == 1) return "logits";
  return index == 0 ? "last_hidden_state" : "pooler_output";
}

/// Counts rows of (N, classes) with the same largest element.
void count_same_top1(const Tensor& a, const Tensor& b, OutputComparison& output) {
  const auto classes = static_cast<std::size_t>(a.shape()[1]);
  const auto x = a.data<float>();
  const auto y = b.data<float>();
  for (std::size_t row = 0; classes > 0 && row < x.size(); row += classes) {
    const auto top = [&](std::span<const float> all) {
      const auto logits = all.subspan(row, classes);
      return std::ranges::max_element(logits) - logits.begin();
    };
    ++output.inputs;
    output.same_top1 += top(x) == top(y) ? 1 : 0;
  }
}

void compare_outputs(const std::vector<Tensor>& a, const std::vector<Tensor>& b,
                     Verification& result) {
  for (std::size_t i = 0; i < result.outputs.size(); ++i) {
    OutputComparison& output = result.outputs[i];
    const Difference now = difference(a[i], b[i]);
    output.bit_equal = output.bit_equal && bit_equal(a[i], b[i]);
    if (result.options.rtol || result.options.atol) {
      output.close = output.close && allclose(b[i], a[i], result.options.rtol.value_or(1e-5),
                                              result.options.atol.value_or(1e-8));
    }
    output.difference.max_abs = std::max(output.difference.max_abs, now.max_abs);
    output.difference.max_rel = std::max(output.difference.max_rel, now.max_rel);
    output.difference.different_count += now.different_count;
    output.difference.sum_abs += now.sum_abs;
    output.elements += a[i].numel();
    if (a[i].shape().size() == 2) count_same_top1(a[i], b[i], output);
  }
}

std::size_t hash_of(const Tensor& tensor) {
  return std::hash<std::string_view>{}(std::string_view(
      reinterpret_cast<const char*>(tensor.bytes().data()), tensor.bytes().size()));
}

/// The value of one node; the run ends there.
std::optional<Tensor> value_at(const Program& program, const Graph& graph, const Tensor& input,
                               NodeId wanted) {
  std::optional<Tensor> value;
  program.run(graph, input, [&](NodeId id, const Tensor& output) {
    if (id != wanted) return true;
    const auto elements = output.data<float>();
    value = Tensor::of(output.shape(), std::vector<float>(elements.begin(), elements.end()));
    return false;
  });
  return value;
}

std::string side(const Graph& graph, std::size_t position) {
  return position < graph.nodes().size() ? describe(graph.node(position)) : "nothing";
}

/// Runs both networks operation by operation. Keeps only hashes, and runs again for the values of
/// the first difference.
std::optional<FirstDifference> find_first_difference(const NetworkView& src,
                                                     const NetworkView& dest,
                                                     const Verification& result) {
  if (src.graph.node(0).shape != dest.graph.node(0).shape) {
    return FirstDifference{0, side(src.graph, 0), side(dest.graph, 0), {}};
  }
  const RuntimeOptions unfused{.threads = result.options.threads, .fuse = false};
  const Program a = Program::compile(src.graph, unfused);
  const Program b = Program::compile(dest.graph, unfused);
  const Tensor input = random_input(result.input_shape, result.options.seed, 0);
  std::vector<std::size_t> hashes(src.graph.nodes().size());
  a.run(src.graph, input, [&](NodeId id, const Tensor& output) {
    hashes[id] = hash_of(output);
    return true;
  });
  // After the first difference of the graphs, equal positions are no pairs.
  const std::size_t end = result.graph_differences.empty()
                              ? src.graph.nodes().size()
                              : result.graph_differences.front().position;
  std::optional<std::size_t> found;
  b.run(dest.graph, input, [&](NodeId id, const Tensor& output) {
    if (id >= end) return false;
    if (hash_of(output) != hashes[id]) found = id;
    return !found;
  });
  if (!found && !result.graph_differences.empty()) found = end;
  if (!found) return std::nullopt;
  FirstDifference first{*found, side(src.graph, *found), side(dest.graph, *found), {}};
  const auto x =
      *found < src.graph.nodes().size() ? value_at(a, src.graph, input, *found) : std::nullopt;
  const auto y =
      *found < dest.graph.nodes().size() ? value_at(b, dest.graph, input, *found) : std::nullopt;
  if (x && y && x->shape() == y->shape()) first.difference = difference(*y, *x);
  return first;
}

/// Whether the inputs and the outputs of both networks have the same shapes.
bool comparable(const Graph& a, const Graph& b) {
  if (a.node(0).shape != b.node(0).shape || a.outputs().size() != b.outputs().size()) return false;
  for (std::size_t i = 0; i < a.outputs().size(); ++i) {
    if (a.node(a.outputs()[i]).shape != b.node(b.outputs()[i]).shape) return false;
  }
  return true;
}

/// Half of the threads for each of two networks in parallel. This needs fewer barriers than all
/// threads for one network after the other, and no thread waits for hashes or comparisons.
int threads_each(const VerifyOptions& options) {
  const int all =
      options.threads > 0 ? options.threads : static_cast<int>(std::thread::hardware_concurrency());
  return std::max(1, all / 2);
}

void run_both(const NetworkView& src, const NetworkView& dest, Verification& result,
              const std::function<void()>& checkpoint) {
  const RuntimeOptions fused{.threads = threads_each(result.options)};
  const auto launch = result.options.threads == 1 ? std::launch::deferred : std::launch::async;
  const Program program = Program::compile(src.graph, fused);
  std::optional<Program> other;  // equal graphs share one program
  if (!result.graph_differences.empty()) other.emplace(Program::compile(dest.graph, fused));
  for (std::size_t i = 0; i < src.graph.outputs().size(); ++i) {
    result.outputs.push_back({.name = output_name(src.graph, i)});
  }
  for (std::int64_t sample = 0; sample < result.options.samples; ++sample) {
    const Tensor input = random_input(result.input_shape, result.options.seed, sample);
    auto of_dest =
        std::async(launch, [&] { return (other ? *other : program).run(dest.graph, input); });
    const std::vector<Tensor> a = program.run(src.graph, input);
    const std::vector<Tensor> b = of_dest.get();
    checkpoint();
    compare_outputs(a, b, result);
  }
}

/// Gives a network other weights during its lifetime.
class Rebound {
 public:
  Rebound(Module& network, const StateDict& weights)
      : network_(network), own_(network.state_dict()) {
    network_.load_state_dict(weights);
  }
  ~Rebound() { network_.load_state_dict(own_); }  // own weights always fit
  Rebound(const Rebound&) = delete;
  Rebound& operator=(const Rebound&) = delete;

 private:
  Module& network_;
  StateDict own_;
};

/// The source's weights in the target's dtypes.
StateDict rounded_weights(const Graph& src, const Graph& dest) {
  StateDict weights;
  for (std::size_t i = 0; i < src.nodes().size(); ++i) {
    const Node& from = src.node(i);
    if (from.module == nullptr) continue;
    for (const auto& slot : from.module->own_slots()) {
      const Tensor& other = *dest.node(i).module->own(slot.name);
      const bool rounds = is_floating(slot.tensor->dtype()) && is_floating(other.dtype());
      weights.insert(from.path + "." + slot.name,
                     rounds ? to_dtype(*slot.tensor, other.dtype()) : *slot.tensor);
    }
  }
  return weights;
}

/// Checks, across dtypes, that only the rounding of the weights changes the outputs: runs the
/// source again on equally rounded weights.
void run_rounded(const NetworkView& src, const NetworkView& dest, Verification& result,
                 const std::function<void()>& checkpoint) {
  const Rebound rebound(src.network, rounded_weights(src.graph, dest.graph));
  Verification rounded;
  rounded.input_shape = result.input_shape;
  rounded.options = result.options;
  run_both(src, dest, rounded, checkpoint);
  for (std::size_t i = 0; i < result.outputs.size(); ++i) {
    result.outputs[i].bit_equal_rounded = rounded.outputs[i].bit_equal;
  }
}

}  // namespace

bool Verification::verified() const {
  const bool equal = std::ranges::all_of(outputs, [this](const OutputComparison& output) {
    return same_dtype ? output.bit_equal : output.bit_equal_rounded && output.close;
  });
  return different_tensors.empty() && graph_differences.empty() && !outputs.empty() && equal;
}

Tensor random_input(const Shape& shape, std::uint64_t seed, std::int64_t sample) {
  // splitmix64 (Steele, Lea, Flood 2014).
  std::uint64_t state = seed * 0x9E3779B97F4A7C15U + static_cast<std::uint64_t>(sample);
  const auto uniform = [&state] {
    state += 0x9E3779B97F4A7C15U;
    std::uint64_t z = state;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    z ^= z >> 31U;
    return (static_cast<double>(z >> 11U) + 0.5) * 0x1p-53;  // inside (0, 1)
  };
  std::vector<float> values(static_cast<std::size_t>(numel(shape).value_or(0)));
  for (std::size_t i = 0; i < values.size(); i += 2) {
    const double radius = std::sqrt(-2 * std::log(uniform()));
    const double angle = 2 * std::numbers::pi * uniform();
    values[i] = static_cast<float>(radius * std::cos(angle));
    if (i + 1 < values.size()) values[i + 1] = static_cast<float>(radius * std::sin(angle));
  }
  return Tensor::of(shape, std::move(values));
}

Verification verify_networks(const NetworkView& src, const NetworkView& dest,
                             const VerifyOptions& options,
                             const std::function<void()>& checkpoint) {
  const auto step = checkpoint ? checkpoint : [] {};
  Verification result;
  result.input_shape = src.graph.node(0).shape;
  result.options = options;
  result.operations = src.graph.nodes().size();
  result.graph_differences = compare_graphs(src.graph, dest.graph);
  auto scanning =
      std::async(std::launch::async, scan_tensors, std::cref(src.graph), std::cref(dest.graph));
  if (comparable(src.graph, dest.graph)) run_both(src, dest, result, step);
  TensorScan scan = scanning.get();
  result.tensors = scan.tensors;
  result.different_tensors = std::move(scan.different);
  result.nan_count = scan.nan_count;
  result.inf_count = scan.inf_count;
  result.non_finite_tensors = scan.non_finite_tensors;
  result.same_dtype = scan.same_dtype;
  step();
  const bool same_networks = result.graph_differences.empty() && result.different_tensors.empty();
  if (!result.same_dtype && same_networks && !result.outputs.empty()) {
    run_rounded(src, dest, result, step);
  }
  if (!result.verified()) result.first_difference = find_first_difference(src, dest, result);
  return result;
}

Note non_finite_note(const Verification& verification) {
  return {NoteCode::kNonFiniteWeights,
          "",
          {{"nan", std::to_string(verification.nan_count)},
           {"inf", std::to_string(verification.inf_count)},
           {"tensors", std::to_string(verification.non_finite_tensors)}}};
}

}  // namespace weightlift
