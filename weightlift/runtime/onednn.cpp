#include "weightlift/runtime/onednn.h"

#include <fmt/format.h>
#include <oneapi/dnnl/dnnl_debug.h>

#include <array>
#include <new>
#include <oneapi/dnnl/dnnl.hpp>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/runtime/program.h"

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

/// The layouts to request from oneDNN. With `any`, each implementation chooses its own.
struct Request {
  Tag values;
  Tag filters;
};

/// oneDNN's implementations of a convolution, in oneDNN's order of preference.
class Candidates {
 public:
  Candidates(const ConvolutionDescription& d, const Request& request) {
    const auto& o = d.options;
    const memory::desc src(input_dims(d), kF32, request.values);
    const memory::desc weights(weight_dims(o), kF32, request.filters);
    const memory::desc bias({o.out_channels}, kF32, Tag::a);
    const memory::desc dst(output_dims(d), kF32, request.values);
    const memory::dims strides = {o.stride, o.stride};
    // torch's dilation 1, the distance between taps, is oneDNN's 0, the gap between them.
    const memory::dims dilates = {o.dilation - 1, o.dilation - 1};
    const memory::dims padding = {o.padding, o.padding};
    constexpr auto kInference = dnnl::prop_kind::forward_inference;
    constexpr auto kDirect = dnnl::algorithm::convolution_direct;
#if DNNL_VERSION_MAJOR >= 3
    desc_ = PrimitiveDesc(engine(), kInference, kDirect, src, weights, bias, dst, strides, dilates,
                          padding, padding, attributes(d), true);
#else
    operation_.emplace(kInference, kDirect, src, weights, bias, dst, strides, dilates, padding,
                       padding);
    desc_ = PrimitiveDesc(*operation_, attributes(d), engine(), true);
#endif
    valid_ = static_cast<bool>(desc_);
  }
  Candidates(const Candidates&) = delete;
  Candidates& operator=(const Candidates&) = delete;

  bool valid() const { return valid_; }
  const PrimitiveDesc& desc() const { return desc_; }
  /// Moves to the next implementation. Changes every copy of desc().
  void next() { valid_ = desc_.next_impl(); }

 private:
#if DNNL_VERSION_MAJOR < 3
  /// next_impl() of oneDNN 2 still reads it.
  std::optional<dnnl::convolution_forward::desc> operation_;
#endif
  PrimitiveDesc desc_;
  bool valid_ = false;
};

/// Returns the number of interleaved channels, nothing where the layout is of another kind.
std::optional<std::int64_t> channel_block(const memory::desc& desc, const memory::dims& dims) {
  constexpr std::array<std::pair<Tag, std::int64_t>, 3> kKnown = {
      {{Tag::nchw, 1}, {Tag::nChw8c, 8}, {Tag::nChw16c, 16}}};
  for (const auto& [tag, block] : kKnown) {
    if (desc == memory::desc(dims, kF32, tag)) return block;
  }
  return std::nullopt;
}

std::optional<WeightLayout> weight_layout(const memory::desc& desc, const Conv2dOptions& o) {
  struct Known {
    Tag tag;
    WeightLayout layout;
  };
  const std::int64_t in = o.in_channels / o.groups;
  const std::int64_t out = o.out_channels / o.groups;
  const std::array<Known, 5> whole = {{{Tag::oihw, {}},
                                       {Tag::OIhw8i8o, {8, 8, false}},
                                       {Tag::OIhw16i16o, {16, 16, false}},
                                       {Tag::Ohwi8o, {8, in, false}},
                                       {Tag::Ohwi16o, {16, in, false}}}};
  const std::array<Known, 5> grouped = {{{Tag::goihw, {}},
                                         {Tag::gOIhw8i8o, {8, 8, false}},
                                         {Tag::gOIhw16i16o, {16, 16, false}},
                                         {Tag::gOhwi8o, {8, in, false}},
                                         {Tag::gOhwi16o, {16, in, false}}}};
  // Each group has one input and one output channel: a block holds several groups.
  const std::array<Known, 3> depthwise = {
      {{Tag::goihw, {}}, {Tag::Goihw8g, {8, 1, false}}, {Tag::Goihw16g, {16, 1, false}}}};
  const bool per_channel = o.groups > 1 && in == 1 && out == 1;
  const std::span<const Known> known = per_channel     ? std::span<const Known>(depthwise)
                                       : o.groups == 1 ? std::span<const Known>(whole)
                                                       : std::span<const Known>(grouped);
  for (const auto& [tag, layout] : known) {
    if (desc != memory::desc(weight_dims(o), kF32, tag)) continue;
    // Otherwise oneDNN pads each group, and the packing pads only the last one.
    if (o.groups > 1 && !per_channel && out % layout.out_block != 0) continue;
    return layout;
  }
  return std::nullopt;
}

/// Classes of implementations, the fastest first.
enum class Speed { kFast, kMatrixProduct, kReference };

/// Returns the class of an implementation by its name. "gemm" unfolds the image into a matrix
/// first. "ncsp" reorders the values around another implementation, often the reference.
Speed speed(std::string_view implementation) {
  const auto has = [&](std::string_view word) { return implementation.find(word) != word.npos; };
  if (has("ref") || has("ncsp")) return Speed::kReference;
  return has("gemm") ? Speed::kMatrixProduct : Speed::kFast;
}

/// An implementation with layouts that this program knows.
struct Implementation {
  Conv2dOptions computed;
  PrimitiveDesc desc;
  std::int64_t in_block;
  std::int64_t out_block;
  WeightLayout weights;
};

/// Returns oneDNN's first implementation of that speed or better whose layouts are known.
std::optional<Implementation> find(const ConvolutionDescription& d, const Request& request,
                                   Speed slowest) {
  for (Candidates all(d, request); all.valid(); all.next()) {
    const PrimitiveDesc& desc = all.desc();
    if (speed(desc.impl_info_str()) > slowest) continue;
    const auto in = channel_block(desc.src_desc(), input_dims(d));
    const auto out = channel_block(desc.dst_desc(), output_dims(d));
    const auto weights = weight_layout(desc.weights_desc(), d.options);
    if (in && out && weights) return Implementation{d.options, desc, *in, *out, *weights};
  }
  return std::nullopt;
}

/// Returns oneDNN's first fast implementation after padding each group with zeros to blocks of
/// channels: blocked implementations need whole blocks in each group.
std::optional<Implementation> find_padded(ConvolutionDescription d, std::int64_t block, Tag tag) {
  const auto round_up = [&](std::int64_t channels) {
    const std::int64_t group = (channels / d.options.groups + block - 1) / block * block;
    return group * d.options.groups;
  };
  d.options.in_channels = round_up(d.options.in_channels);
  d.options.out_channels = round_up(d.options.out_channels);
  auto found = find(d, {tag, Tag::any}, Speed::kFast);
  if (!found || found->weights.row_major) return std::nullopt;
  found->weights.groups = d.options.groups;
  return found;
}

/// Returns the fastest implementation with known layouts. oneDNN's first choice may need unknown
/// ones (channels last), so the search continues. Some implementations accept every layout and
/// prefer an unknown one, so this also requests the blocked layouts. Row-major always works.
std::optional<Implementation> choose(const ConvolutionDescription& d) {
  const Request row_major = {Tag::nchw, d.options.groups == 1 ? Tag::oihw : Tag::goihw};
  std::vector<Request> requests = {row_major};
  if (!d.plain) {
    requests = {{Tag::any, Tag::any}, {Tag::nChw16c, Tag::any}, {Tag::nChw8c, Tag::any}, row_major};
  }
  for (const Speed slowest : {Speed::kFast, Speed::kMatrixProduct, Speed::kReference}) {
    for (const Request& request : requests) {
      if (auto found = find(d, request, slowest)) return found;
    }
    if (slowest != Speed::kFast || d.plain || d.options.groups == 1) continue;
    if (auto found = find_padded(d, 16, Tag::nChw16c)) return found;
    if (auto found = find_padded(d, 8, Tag::nChw8c)) return found;
  }
  return std::nullopt;
}

UnsupportedError impossible(const ConvolutionDescription& d, std::string_view reason) {
  return {to_string(Op(d.options)), fmt::format("oneDNN cannot convolve an input of shape {}: {}",
                                                to_string(input_dims(d)), reason)};
}

}  // namespace

struct Convolution::Impl {
  explicit Impl(const PrimitiveDesc& description) : desc(description), primitive(description) {}

  PrimitiveDesc desc;
  dnnl::convolution_forward primitive;
};

Convolution::Convolution(const ConvolutionDescription& description) : description_(description) {
  // oneDNN does not check each of its own allocations, and crashes where one fails.
  constexpr std::size_t kRoomBytes = std::size_t{32} << 20;  // three times what was measured
  require_memory(kRoomBytes);
  try {
    const auto found = choose(description);
    if (!found) throw impossible(description, "no implementation");
    const PrimitiveDesc& desc = found->desc;
    const memory::dims dims = output_dims(description);
    input_ = {description.n, found->computed.in_channels, description.h, description.w,
              found->in_block};
    output_ = {dims[0], found->computed.out_channels, dims[2], dims[3], found->out_block};
    weights_ = found->weights;
    kernel_ = desc.impl_info_str();
    weight_bytes_ = desc.weights_desc().get_size();
    scratchpad_bytes_ = desc.scratchpad_desc().get_size();
    impl_ = std::make_unique<Impl>(desc);
  } catch (const dnnl::error& error) {
    if (error.status == dnnl_out_of_memory) throw std::bad_alloc();
    throw impossible(description, error.what());
  }
}

Convolution::~Convolution() = default;

void Convolution::run(const float* input, const float* weights, const float* bias, float* output,
                      std::byte* scratchpad) const {
  // A primitive may run on several threads at once; a stream and memory objects may not.
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

std::string onednn_version() {
  const dnnl_version_t* version = dnnl_version();
  return fmt::format("{}.{}.{}", version->major, version->minor, version->patch);
}

std::string onednn_instruction_set() {
  const dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
  constexpr std::string_view kPrefix = "cpu_isa_";
  const std::string_view name = dnnl_cpu_isa2str(isa);
  // oneDNN 2 calls 0 "all", oneDNN 3 "default".
  if (static_cast<int>(isa) == 0 || !name.starts_with(kPrefix)) return "default";
  return std::string(name.substr(kPrefix.size()));
}

}  // namespace weightlift
