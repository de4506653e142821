#include "weightlift/convert/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <future>
#include <numbers>
#include <string_view>
#include <utility>

#include "weightlift/base/message.h"
#include "weightlift/base/threads.h"
#include "weightlift/nn/module.h"
#include "weightlift/progress.h"
#include "weightlift/runtime/program.h"

namespace weightlift {

namespace {

/// A tensor of the source and its counterpart.
struct TensorPair {
  const Tensor& a;
  const Tensor* b;   ///< null where the counterpart's node has none of this name
  std::string name;  ///< "fc.weight and classifier.1.weight"

  /// Whether both are weights, of different dtypes.
  bool converted() const {
    return b != nullptr && a.dtype() != b->dtype() && is_floating(a.dtype()) &&
           is_floating(b->dtype());
  }
};

std::vector<const Node*> nodes_with_state(const Graph& graph) {
  std::vector<const Node*> found;
  for (const Node& node : graph.nodes()) {
    if (node.module != nullptr && node.module->has_state()) found.push_back(&node);
  }
  return found;
}

/// Pairs the tensors of nodes with parameters: names differ, the order does not.
std::vector<TensorPair> pair_tensors(const Graph& src, const Graph& dest) {
  const auto from = nodes_with_state(src);
  const auto to = nodes_with_state(dest);
  std::vector<TensorPair> pairs;
  for (std::size_t i = 0; i < std::min(from.size(), to.size()); ++i) {
    for (const auto& slot : from[i]->module->own_slots()) {
      pairs.push_back(
          {*slot.tensor, to[i]->module->own(slot.name),
           fmt::format("{}.{} and {}.{}", from[i]->path, slot.name, to[i]->path, slot.name)});
    }
  }
  return pairs;
}

/// The result of scanning the weights, on a separate thread during the forward passes.
struct TensorScan {
  std::vector<std::string> different;
  std::int64_t nan_count = 0, inf_count = 0;
  std::size_t non_finite_tensors = 0;
};

TensorScan scan_tensors(const std::vector<TensorPair>& pairs) {
  TensorScan scan;
  for (const TensorPair& pair : pairs) {
    const NonFinite bad = count_non_finite(pair.a);
    scan.nan_count += bad.nan;
    scan.inf_count += bad.inf;
    scan.non_finite_tensors += bad.nan + bad.inf > 0 ? 1 : 0;
    const bool equal = pair.b != nullptr && (pair.converted() ? bit_equal_converted(pair.a, *pair.b)
                                                              : bit_equal(pair.a, *pair.b));
    if (!equal) scan.different.push_back(pair.name);
  }
  return scan;
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
    const Difference now = measure_difference(a[i], b[i]);
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
std::optional<FirstDifference> find_first_difference(const Graph& src, const Graph& dest,
                                                     const Verification& result) {
  if (src.node(0).shape != dest.node(0).shape) {
    return FirstDifference{0, side(src, 0), side(dest, 0), {}};
  }
  const RuntimeOptions unfused{.threads = result.options.threads, .fuse = false};
  const Program a = Program::compile(src, unfused);
  const Program b = Program::compile(dest, unfused);
  const Tensor input = random_input(result.input_shape, result.options.seed, 0);
  std::vector<std::size_t> hashes(src.nodes().size());
  a.run(src, input, [&](NodeId id, const Tensor& output) {
    hashes[id] = hash_of(output);
    return true;
  });
  // After the first difference of the graphs, equal positions are no pairs.
  const std::size_t end = result.graph_differences.empty()
                              ? src.nodes().size()
                              : result.graph_differences.front().position;
  std::optional<std::size_t> found;
  b.run(dest, input, [&](NodeId id, const Tensor& output) {
    if (id >= end) return false;
    if (hash_of(output) != hashes[id]) found = id;
    return !found;
  });
  if (!found && !result.graph_differences.empty()) found = end;
  if (!found) return std::nullopt;
  FirstDifference first{*found, side(src, *found), side(dest, *found), {}};
  const auto x = *found < src.nodes().size() ? value_at(a, src, input, *found) : std::nullopt;
  const auto y = *found < dest.nodes().size() ? value_at(b, dest, input, *found) : std::nullopt;
  if (x && y && x->shape() == y->shape()) first.difference = measure_difference(*y, *x);
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
int threads_each(const VerifyOptions& options) { return std::max(1, options.threads / 2); }

/// Across dtypes also runs the source on equally rounded weights: only that rounding may change the
/// outputs.
void run_both(const Graph& src, const Graph& dest, Verification& result,
              const std::function<void()>& checkpoint) {
  const RuntimeOptions fused{.threads = threads_each(result.options)};
  const Program program = Program::compile(src, fused);
  std::optional<Program> other;  // equal graphs share one program
  if (!result.graph_differences.empty()) other.emplace(Program::compile(dest, fused));
  for (const std::string& name : src.output_names()) result.outputs.push_back({.name = name});
  for (std::int64_t sample = 0; sample < result.options.samples; ++sample) {
    const Tensor input = random_input(result.input_shape, result.options.seed, sample);
    const auto run_dest = [&] { return (other ? *other : program).run(dest, input); };
    auto of_dest = result.options.threads == 1 ? std::async(std::launch::deferred, run_dest)
                                               : run_beside(run_dest);
    const std::vector<Tensor> a = program.run(src, input);
    const std::vector<Tensor> b = of_dest.get();
    checkpoint();
    compare_outputs(a, b, result);
    if (result.same_dtype || other) continue;
    const std::vector<Tensor> rounded = program.run_rounded(src, dest, input);
    checkpoint();
    for (std::size_t i = 0; i < result.outputs.size(); ++i) {
      OutputComparison& output = result.outputs[i];
      output.bit_equal_rounded = output.bit_equal_rounded && bit_equal(rounded[i], b[i]);
    }
  }
}

}  // namespace

bool Verification::verified() const {
  const bool equal = std::ranges::all_of(outputs, [this](const OutputComparison& output) {
    return same_dtype ? output.bit_equal : output.bit_equal_rounded && output.close;
  });
  return different_tensors.empty() && graph_differences.empty() && !outputs.empty() && equal;
}

void require_valid(const VerifyOptions& options) {
  if (options.samples < 1) {
    throw UsageError("samples", fmt::format("expected at least 1, got {}", options.samples));
  }
  constexpr int kMostThreads = 1024;
  if (options.threads < 0 || options.threads > kMostThreads) {
    throw UsageError("threads",
                     fmt::format("expected 0 to {}, got {}", kMostThreads, options.threads));
  }
  for (const auto& [name, value] : {std::pair("rtol", options.rtol), {"atol", options.atol}}) {
    if (!value || (std::isfinite(*value) && *value >= 0)) continue;
    throw UsageError(name, fmt::format("expected a number >= 0, got {}", *value));
  }
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
  std::vector<float> values(static_cast<std::size_t>(numel(shape)));
  for (std::size_t i = 0; i < values.size(); i += 2) {
    const double radius = std::sqrt(-2 * std::log(uniform()));
    const double angle = 2 * std::numbers::pi * uniform();
    values[i] = static_cast<float>(radius * std::cos(angle));
    if (i + 1 < values.size()) values[i + 1] = static_cast<float>(radius * std::sin(angle));
  }
  return Tensor::of(shape, std::move(values));
}

Verification verify_networks(const Graph& src, const Graph& dest, const VerifyOptions& options,
                             const std::function<void()>& checkpoint) {
  const auto step = checkpoint ? checkpoint : [] {};
  const std::vector<TensorPair> pairs = pair_tensors(src, dest);
  Verification result;
  result.input_shape = src.node(0).shape;
  result.options = options;
  Notes reported_before;
  result.options.threads = usable_threads(options.threads, 1, reported_before);
  result.same_dtype = std::ranges::none_of(pairs, &TensorPair::converted);
  result.tensors = pairs.size();
  result.operations = src.nodes().size();
  for (GraphDifference& found : compare_graphs(src, dest)) {
    result.graph_differences.push_back({found.position, std::move(found.a), std::move(found.b)});
  }
  auto scanning = run_beside([&pairs] { return scan_tensors(pairs); });
  if (comparable(src, dest)) run_both(src, dest, result, step);
  TensorScan scan = scanning.get();
  result.different_tensors = std::move(scan.different);
  result.nan_count = scan.nan_count;
  result.inf_count = scan.inf_count;
  result.non_finite_tensors = scan.non_finite_tensors;
  step();
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
