#include "weightlift/runtime/compiler.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <variant>

#include "weightlift/base/bytes.h"
#include "weightlift/base/message.h"
#include "weightlift/runtime/fusion.h"
#include "weightlift/runtime/kernels.h"
#include "weightlift/runtime/onednn.h"
#include "weightlift/runtime/weights.h"

namespace weightlift {

namespace {

float* as_floats(std::byte* memory) { return reinterpret_cast<float*>(memory); }
const float* as_floats(const std::byte* memory) { return reinterpret_cast<const float*>(memory); }
double* as_doubles(std::byte* memory) { return reinterpret_cast<double*>(memory); }
const double* as_doubles(const std::byte* memory) {
  return reinterpret_cast<const double*>(memory);
}

class Compiler {
 public:
  Compiler(const Graph& graph, bool fuse)
      : graph_(graph), fuse_(fuse), uses_left_(count_uses(graph)), values_(graph.nodes().size()) {}

  CompiledGraph run() {
    for (const Fusion& step : plan_fusions(graph_, fuse_)) {
      const Node& node = graph_.node(step.node);
      std::visit([&](const auto& options) { compile(step, options); }, node.op);
      for (const NodeId input : node.inputs) --uses_left_[input];
      if (step.residual) --uses_left_[*step.residual];
    }
    CompiledGraph compiled;
    for (const NodeId output : graph_.outputs()) {
      compiled.outputs.push_back(in_block(output, 1));
      lifetimes_[compiled.outputs.back().buffer].last = steps_.size();
    }
    // Reblocking a later output is also a step, and earlier outputs must survive it.
    for (const Place& place : compiled.outputs) lifetimes_[place.buffer].last = steps_.size();
    compiled.input = input_;
    compiled.lifetimes = std::move(lifetimes_);
    compiled.steps = std::move(steps_);
    compiled.kernels = std::move(kernels_);
    return compiled;
  }

 private:
  void compile(const Fusion& step, const Placeholder&) {
    input_ = new_place(plain_layout(graph_.node(step.node).shape));
    values_[step.node] = input_;
    emit(step.node, {}, input_, [](const StepContext&) {});
  }

  void compile(const Fusion& step, const Conv2dOptions& options) {
    Place in = values_[graph_.node(step.node).inputs[0]];
    ConvolutionDescription description{options, in.layout.n, in.layout.h, in.layout.w};
    description.accumulate = step.residual.has_value();
    description.relu = step.relu;
    description.plain = !fuse_;
    // oneDNN's 1x1 kernels with a stride are slow; skipping the pixels before them is faster.
    if (fuse_ && options.kernel_size == 1 && options.padding == 0 && options.stride > 1) {
      in = subsampled(step.node, in, options.stride);
      description.options.stride = 1;
      description.h = in.layout.h;
      description.w = in.layout.w;
    }
    const std::shared_ptr<Convolution> convolution = shared_convolution(description);
    in = in_layout(step.node, in, convolution->input(), options.groups);
    const Place out =
        step.residual ? accumulator(step, *convolution) : new_place(convolution->output());
    values_[step.result] = out;
    kernels_.push_back({step.node, convolution->kernel()});
    const std::size_t weight_bytes = convolution->weight_bytes();
    const std::size_t scratchpad = new_buffer(convolution->scratchpad_bytes());
    const std::size_t bytes =
        weight_bytes + narrow<std::size_t>(convolution->output().c) * sizeof(float);
    const auto pack = [=, node = step.node, batch_norm = step.batch_norm](const Weights& weights,
                                                                          std::byte* to) {
      pack_convolution(weights, node, batch_norm, convolution->weights(), as_floats(to),
                       as_floats(to + weight_bytes));
    };
    emit_with_parameters(step.result, {in.buffer, scratchpad}, out, bytes, pack,
                         [=](const StepContext& context) {
                           convolution->run(context.floats(in), as_floats(context.parameters),
                                            as_floats(context.parameters + weight_bytes),
                                            context.floats(out), context.bytes(scratchpad));
                         });
    if (out.layout.c == options.out_channels) return;
    Layout without_padding = out.layout;
    without_padding.c = options.out_channels;
    values_[step.result] = reblocked(step.result, out, without_padding, options.groups);
  }

  void compile(const Fusion& step, const BatchNorm2dOptions& options) {
    const auto [in, out] = plain_in_out(step.node);
    const auto channels = narrow<std::size_t>(options.num_features);
    const auto pack = [node = step.node](const Weights& weights, std::byte* to) {
      const ChannelAffine affine = batch_norm_affine(weights, node);
      const auto shift = std::ranges::copy(affine.scale, as_doubles(to)).out;
      std::ranges::copy(affine.shift, shift);
    };
    emit_with_parameters(step.node, {in.buffer}, out, 2 * channels * sizeof(double), pack,
                         [in = in, out = out, channels](const StepContext& context) {
                           const double* scale = as_doubles(context.parameters);
                           scale_channels(in.layout, context.floats(in), {scale, channels},
                                          {scale + channels, channels}, context.floats(out));
                         });
  }

  void compile(const Fusion& step, const ActivationOptions& options) {
    const auto [in, out] = plain_in_out(step.node);
    emit(step.node, {in.buffer}, out, [in = in, out = out, options](const StepContext& context) {
      activate(options.function, narrow<std::size_t>(in.layout.elements()), context.floats(in),
               context.floats(out));
    });
  }

  void compile(const Fusion& step, const MaxPool2dOptions& options) {
    const Node& node = graph_.node(step.node);
    const Place in = values_[node.inputs[0]];
    const Place out = new_place(plain_layout(node.shape).with_block(in.layout.block));
    values_[step.node] = out;
    emit(step.node, {in.buffer}, out, [=](const StepContext& context) {
      max_pool(in.layout, context.floats(in), options, out.layout, context.floats(out));
    });
  }

  void compile(const Fusion& step, const AdaptiveAvgPool2dOptions&) {
    const Node& node = graph_.node(step.node);
    const Place in = values_[node.inputs[0]];
    const Place out = new_place(plain_layout(node.shape));
    values_[step.node] = out;
    emit(step.node, {in.buffer}, out, [=](const StepContext& context) {
      global_mean(in.layout, context.floats(in), context.floats(out));
    });
  }

  void compile(const Fusion& step, const FlattenOptions&) {
    const Node& node = graph_.node(step.node);
    const Place place{in_block(node.inputs[0], 1).buffer, plain_layout(node.shape)};
    values_[step.node] = place;
    ++uses_left_[node.inputs[0]];  // the same memory: no later step may overwrite it
    emit(step.node, {}, place, [](const StepContext&) {});
  }

  void compile(const Fusion& step, const LinearOptions& options) {
    const auto [in, out] = plain_in_out(step.node);
    const std::size_t bias_bytes = narrow<std::size_t>(options.out_features) * sizeof(double);
    const std::size_t weight_bytes =
        narrow<std::size_t>(options.out_features * options.in_features) * sizeof(float);
    const auto pack = [=, node = step.node](const Weights& weights, std::byte* to) {
      pack_linear(weights, node, as_floats(to + bias_bytes), as_doubles(to));
    };
    emit_with_parameters(step.node, {in.buffer}, out, bias_bytes + weight_bytes, pack,
                         [=, in = in, out = out](const StepContext& context) {
                           linear(options, in.layout.n, context.floats(in),
                                  as_floats(context.parameters + bias_bytes),
                                  as_doubles(context.parameters), context.floats(out));
                         });
  }

  void compile(const Fusion& step, const AddOptions&) {
    const auto& inputs = graph_.node(step.node).inputs;
    const Place a = in_block(inputs[0], 1);
    const Place b = in_block(inputs[1], 1);
    const Place out = new_place(a.layout);
    values_[step.node] = out;
    emit(step.node, {a.buffer, b.buffer}, out, [=](const StepContext& context) {
      add_elements(narrow<std::size_t>(out.layout.elements()), context.floats(a), context.floats(b),
                   context.floats(out));
    });
  }

  void compile(const Fusion& step, const MulOptions&) {
    const auto& inputs = graph_.node(step.node).inputs;
    const Place in = values_[inputs[0]];
    const Place gate = in_block(inputs[1], in.layout.block);
    const Place out = uses_left_[inputs[0]] == 1 ? in : new_place(in.layout);
    values_[step.node] = out;
    emit(step.node, {in.buffer, gate.buffer}, out, [=](const StepContext& context) {
      gate_channels(in.layout, context.floats(in), context.floats(gate), context.floats(out));
    });
  }

  /// Returns the place to which a convolution adds: the residual's own memory where no later step
  /// reads it and it is not this step's input, else a copy.
  Place accumulator(const Fusion& step, const Convolution& convolution) {
    const Place residual = values_[*step.residual];
    if (uses_left_[*step.residual] == 1 && residual.layout == convolution.output()) return residual;
    return reblocked(step.node, residual, convolution.output(),
                     convolution.description().options.groups);
  }

  Place subsampled(NodeId node, const Place& in, std::int64_t stride) {
    Layout layout = in.layout;
    layout.h = (layout.h - 1) / stride + 1;
    layout.w = (layout.w - 1) / stride + 1;
    const Place out = new_place(layout);
    emit(node, {in.buffer}, out, [=](const StepContext& context) {
      subsample(in.layout, context.floats(in), stride, context.floats(out));
    });
    return out;
  }

  Place reblocked(NodeId node, const Place& in, const Layout& layout, std::int64_t groups = 1) {
    const Place out = new_place(layout);
    emit(node, {in.buffer}, out, [=](const StepContext& context) {
      reblock(in.layout, context.floats(in), layout, context.floats(out), groups);
    });
    return out;
  }

  /// Returns a value in that layout, to be read: adds a step where its memory differs.
  Place in_layout(NodeId node, const Place& place, const Layout& layout, std::int64_t groups = 1) {
    if (place.layout.same_memory(layout)) return {place.buffer, layout};
    return reblocked(node, place, layout, groups);
  }

  Place in_block(NodeId value, std::int64_t block) {
    const Place place = values_[value];
    return in_layout(value, place, place.layout.with_block(block));
  }

  std::pair<Place, Place> plain_in_out(NodeId id) {
    const Node& node = graph_.node(id);
    const Place in = in_block(node.inputs[0], 1);
    const Place out = new_place(plain_layout(node.shape));
    values_[id] = out;
    return {in, out};
  }

  std::shared_ptr<Convolution> shared_convolution(const ConvolutionDescription& description) {
    for (const auto& convolution : convolutions_) {
      if (convolution->description() == description) return convolution;
    }
    return convolutions_.emplace_back(std::make_shared<Convolution>(description));
  }

  /// Adds memory that is needed from the next step on.
  std::size_t new_buffer(std::size_t bytes) {
    lifetimes_.push_back({bytes, steps_.size(), steps_.size()});
    return lifetimes_.size() - 1;
  }

  Place new_place(const Layout& layout) {
    return {new_buffer(narrow<std::size_t>(layout.elements()) * sizeof(float)), layout};
  }

  void emit(NodeId node, std::initializer_list<std::size_t> read, const Place& output,
            std::function<void(const StepContext&)> run) {
    for (const std::size_t buffer : read) lifetimes_[buffer].last = steps_.size();
    lifetimes_[output.buffer].last = steps_.size();
    steps_.push_back({node, output, std::move(run)});
  }

  void emit_with_parameters(NodeId node, std::initializer_list<std::size_t> read,
                            const Place& output, std::size_t bytes,
                            std::function<void(const Weights&, std::byte*)> pack,
                            std::function<void(const StepContext&)> run) {
    const std::size_t buffer = new_buffer(bytes);
    emit(node, read, output, std::move(run));
    steps_.back().parameters = {bytes, buffer, std::move(pack)};
  }

  const Graph& graph_;
  bool fuse_;
  std::vector<std::size_t> uses_left_;  ///< by node, of steps that are not compiled yet
  std::vector<Place> values_;           ///< by node
  std::vector<Lifetime> lifetimes_;
  std::vector<Step> steps_;
  std::vector<Kernel> kernels_;
  std::vector<std::shared_ptr<Convolution>> convolutions_;
  Place input_;
};

}  // namespace

Layout plain_layout(const Shape& shape) {
  constexpr std::int64_t kRoom = 256;  // sizeof(float) times the widest block
  const auto count = checked_numel(shape);
  if ((shape.size() != 2 && shape.size() != 4) || !count || !checked_mul(*count, kRoom)) {
    throw UnsupportedError(
        fmt::format("expected activations (N, C, H, W) or (N, C) that fit in memory, got {}",
                    to_string(shape)));
  }
  if (shape.size() == 2) return {shape[0], shape[1], 1, 1};
  return {shape[0], shape[1], shape[2], shape[3]};
}

CompiledGraph compile_graph(const Graph& graph, bool fuse) { return Compiler(graph, fuse).run(); }

}  // namespace weightlift
