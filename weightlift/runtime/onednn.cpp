#include "weightlift/runtime/onednn.h"

#include <fmt/format.h>

#include <array>
#include <oneapi/dnnl/dnnl.hpp>
#include <optional>
#include <unordered_map>
#include <utility>

#include "weightlift/base/error.h"

namespace weightlift {

namespace {

using dnnl::memory;
using Tag = memory::format_tag;
using PrimitiveDesc = dnnl::convolution_forward::primitive_desc;

constexpr auto kF32 = memory::data_type::f32;

const dnnl::engine& engine() {
  static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

memory::dims output_dims(const ConvolutionDescription& d) {
  const auto& o = d.options;
  const std::int64_t reach = o.dilation * (o.kernel_size - 1) + 1;
  return {d.n, o.out_channels, (d.h + 2 * o.padding - reach) / o.stride + 1,
          (d.w + 2 * o.padding - reach) / o.stride + 1};
}

memory::dims input_dims(const ConvolutionDescription& d) {
  return {d.n, d.options.in_channels, d.h, d.w};
}

memory::dims weight_dims(const Conv2dOptions& o) {
  if (o.groups == 1) return {o.out_channels, o.in_channels, o.kernel_size, o.kernel_size};
  return {o.groups, o.out_channels / o.groups, o.in_channels / o.groups, o.kernel_size,
          o.kernel_size};
}

dnnl::primitive_attr attributes(const ConvolutionDescription& d) {
  dnnl::post_ops after;
  if (d.accumulate) after.append_sum(1.0F);
#if DNNL_VERSION_MAJOR >= 3
  if (d.relu) after.append_eltwise(dnnl::algorithm::eltwise_relu, 0.0F, 0.0F);
#else
  if (d.relu) after.append_eltwise(1.0F, dnnl::algorithm::eltwise_relu, 0.0F, 0.0F);
#endif
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  attr.set_post_ops(after);
  return attr;
}

/// oneDNN 3 has no operation descriptors: the same arguments go to the primitive descriptor.
PrimitiveDesc make_desc(const ConvolutionDescription& d, bool plain) {
  const auto& o = d.options;
  const Tag values = plain ? Tag::nchw : Tag::any;
  const Tag filters = !plain ? Tag::any : (o.groups == 1 ? Tag::oihw : Tag::goihw);
  const memory::desc src(input_dims(d), kF32, values);
  const memory::desc weights(weight_dims(o), kF32, filters);
  const memory::desc bias({o.out_channels}, kF32, Tag::a);
  const memory::desc dst(output_dims(d), kF32, values);
  const memory::dims strides = {o.stride, o.stride};
  // torch's dilation 1, the distance between taps, is oneDNN's 0, the gap between them.
  const memory::dims dilates = {o.dilation - 1, o.dilation - 1};
  const memory::dims padding = {o.padding, o.padding};
  constexpr auto kInference = dnnl::prop_kind::forward_inference;
  constexpr auto kDirect = dnnl::algorithm::convolution_direct;
#if DNNL_VERSION_MAJOR >= 3
  return {engine(), kInference, kDirect, src,     weights, bias,
          dst,      strides,    dilates, padding, padding, attributes(d)};
#else
  return {{kInference, kDirect, src, weights, bias, dst, strides, dilates, padding, padding},
          attributes(d),
          engine()};
#endif
}

/// The number of channels that lie side by side, nothing where the layout is of another kind.
std::optional<std::int64_t> channel_block(const memory::desc& desc, const memory::dims& dims) {
  constexpr std::array<std::pair<Tag, std::int64_t>, 3> kKnown = {
      {{Tag::nchw, 1}, {Tag::nChw8c, 8}, {Tag::nChw16c, 16}}};
  for (const auto& [tag, block] : kKnown) {
    if (desc == memory::desc(dims, kF32, tag)) return block;
  }
  return std::nullopt;
}

std::optional<WeightLayout> weight_layout(const memory::desc& desc, const Conv2dOptions& o) {
  const memory::dims dims = weight_dims(o);
  const Tag row_major = o.groups == 1 ? Tag::oihw : Tag::goihw;
  if (desc == memory::desc(dims, kF32, row_major)) return WeightLayout{};
  if (o.groups != 1) return std::nullopt;
  const std::int64_t all = o.in_channels;
  const std::array<std::pair<Tag, WeightLayout>, 4> known = {{{Tag::OIhw8i8o, {8, 8, false}},
                                                              {Tag::OIhw16i16o, {16, 16, false}},
                                                              {Tag::Ohwi8o, {8, all, false}},
                                                              {Tag::Ohwi16o, {16, all, false}}}};
  for (const auto& [tag, layout] : known) {
    if (desc == memory::desc(dims, kF32, tag)) return layout;
  }
  return std::nullopt;
}

}  // namespace

struct Convolution::Impl {
  explicit Impl(const PrimitiveDesc& description) : desc(description), primitive(description) {}

  PrimitiveDesc desc;
  dnnl::convolution_forward primitive;
};

Convolution::Convolution(const ConvolutionDescription& description) : description_(description) {
  const auto& o = description.options;
  try {
    // A layout that this program has no words for (another processor, a newer oneDNN) is no reason
    // to fail: row-major always works.
    PrimitiveDesc desc = make_desc(description, description.plain || o.groups != 1);
    auto in = channel_block(desc.src_desc(), input_dims(description));
    auto out = channel_block(desc.dst_desc(), output_dims(description));
    auto weights = weight_layout(desc.weights_desc(), o);
    if (!in || !out || !weights) {
      desc = make_desc(description, true);
      in = out = 1;
      weights = WeightLayout{};
    }
    const memory::dims dims = output_dims(description);
    input_ = {description.n, o.in_channels, description.h, description.w, *in};
    output_ = {dims[0], dims[1], dims[2], dims[3], *out};
    weights_ = *weights;
    weight_bytes_ = desc.weights_desc().get_size();
    scratchpad_bytes_ = desc.scratchpad_desc().get_size();
    impl_ = std::make_unique<Impl>(desc);
  } catch (const dnnl::error& error) {
    throw MismatchError(fmt::format("{}: expected an input that oneDNN can convolve, got {}: {}",
                                    to_string(Op(o)), to_string(input_dims(description)),
                                    error.what()));
  }
}

Convolution::~Convolution() = default;

void Convolution::run(const float* input, const float* weights, const float* bias, float* output,
                      std::byte* scratchpad) const {
  // A primitive may run on several threads at once, a stream and memory objects may not.
  thread_local dnnl::stream stream(engine());
  const PrimitiveDesc& desc = impl_->desc;
  // oneDNN's handles are not const; sources are only read.
  const std::unordered_map<int, memory> arguments = {
      {DNNL_ARG_SRC, memory(desc.src_desc(), engine(), const_cast<float*>(input))},
      {DNNL_ARG_WEIGHTS, memory(desc.weights_desc(), engine(), const_cast<float*>(weights))},
      {DNNL_ARG_BIAS, memory(desc.bias_desc(), engine(), const_cast<float*>(bias))},
      {DNNL_ARG_DST, memory(desc.dst_desc(), engine(), output)},
      {DNNL_ARG_SCRATCHPAD, memory(desc.scratchpad_desc(), engine(), scratchpad)}};
  impl_->primitive.execute(stream, arguments);
  stream.wait();
}

}  // namespace weightlift
