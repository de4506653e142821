#include "weightlift/runtime/weights.h"

#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <numeric>

#include "weightlift/base/bytes.h"
#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/nn/module.h"
#include "weightlift/tensor/convert.h"

namespace weightlift {

namespace {

std::vector<double> to_doubles(const Parameter& parameter) {
  const Tensor& tensor = parameter.tensor;
  std::vector<double> values(narrow<std::size_t>(tensor.numel()));
  convert_elements_via(tensor.bytes(), tensor.dtype(), parameter.dtype, DType::F64,
                       std::as_writable_bytes(std::span(values)));
  release_mapped(tensor.bytes());
  return values;
}

/// Four floats: GCC's and clang's vector type, SSE or NEON.
using Float4 [[gnu::vector_size(16)]] = float;

Float4 load(const std::byte* from) {
  Float4 value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

void store(float* to, Float4 value) { std::memcpy(to, &value, sizeof(value)); }

/// Transposes a 4 x 4 matrix.
void transpose(std::array<Float4, 4>& m) {
  const Float4 low01 = __builtin_shufflevector(m[0], m[1], 0, 4, 1, 5);
  const Float4 high01 = __builtin_shufflevector(m[0], m[1], 2, 6, 3, 7);
  const Float4 low23 = __builtin_shufflevector(m[2], m[3], 0, 4, 1, 5);
  const Float4 high23 = __builtin_shufflevector(m[2], m[3], 2, 6, 3, 7);
  m[0] = __builtin_shufflevector(low01, low23, 0, 1, 4, 5);
  m[1] = __builtin_shufflevector(low01, low23, 2, 3, 6, 7);
  m[2] = __builtin_shufflevector(high01, high23, 0, 1, 4, 5);
  m[3] = __builtin_shufflevector(high01, high23, 2, 3, 6, 7);
}

/// Packs [O][I][K][K] into [O/o][I/i][K][K][i][o]. A tile of o output by i input channels is o rows
/// of up to i*K*K contiguous elements in the source. Packing permutes its columns and transposes
/// it.
class BlockPacker {
 public:
  BlockPacker(const Parameter& weight, const std::vector<double>& scale, const WeightLayout& layout)
      : bytes_(weight.tensor.bytes()),
        dtype_(weight.tensor.dtype()),
        rounded_(weight.dtype),
        out_channels_(weight.tensor.shape()[0]),
        row_elements_(weight.tensor.numel() / out_channels_),
        taps_(weight.tensor.shape()[2] * weight.tensor.shape()[3]),
        out_block_(layout.out_block),
        group_channels_(out_channels_ / layout.groups),
        group_blocks_((group_channels_ + out_block_ - 1) / out_block_),
        tile_columns_(layout.in_block * taps_),
        span_columns_(std::max<std::int64_t>(kSpanColumns / tile_columns_, 1) * tile_columns_),
        scale_(scale.begin(), scale.end()),
        positions_(static_cast<std::size_t>(tile_columns_)) {
    for (std::int64_t j = 0; j < tile_columns_; ++j) {
      positions_[static_cast<std::size_t>(j)] =
          (j % taps_ * layout.in_block + j / taps_) * out_block_;
    }
  }

  std::int64_t out_blocks() const { return out_channels_ / group_channels_ * group_blocks_; }

  /// Bytes of the source that a block of output channels takes, at most.
  std::int64_t bytes_of_block() const { return out_block_ * row_elements_ * item_bytes_; }

  /// The source's bytes for the blocks from `begin` to before `end`, which is not the last one.
  std::span<const std::byte> source_of(std::int64_t begin, std::int64_t end) const {
    const std::int64_t row_bytes = row_elements_ * item_bytes_;
    const std::int64_t first = first_row(begin);
    return bytes_.subspan(static_cast<std::size_t>(first * row_bytes),
                          static_cast<std::size_t>((first_row(end) - first) * row_bytes));
  }

  /// What `converted` of pack() must have room for.
  std::size_t converted_elements() const {
    if (dtype_ == DType::F32 && rounded_ == DType::F32) return 0;
    return static_cast<std::size_t>(4 * std::min(span_columns_, row_elements_));
  }

  /// Packs all tiles of one block of output channels. `converted` is working memory.
  void pack(std::int64_t block, std::vector<float>& converted, float* output) const {
    const std::int64_t first = first_row(block);
    const std::int64_t rows =
        std::min(out_block_, group_channels_ - block % group_blocks_ * out_block_);
    const std::int64_t tile_elements = out_block_ * tile_columns_;
    output += block * tiles(row_elements_) * tile_elements;
    for (std::int64_t column = 0; column < row_elements_; column += span_columns_) {
      const std::int64_t columns = std::min(span_columns_, row_elements_ - column);
      const std::int64_t elements = tiles(columns) * tile_elements;
      if (rows < out_block_ || columns % tile_columns_ != 0) std::fill_n(output, elements, 0.0F);
      for (std::int64_t row = 0; row < rows; row += 4) {
        const Rows some = read_rows(first + row, std::min<std::int64_t>(4, rows - row), column,
                                    columns, converted);
        for (std::int64_t begin = 0; begin < columns; begin += tile_columns_) {
          pack_rows(some, begin, std::min(tile_columns_, columns - begin),
                    output + begin / tile_columns_ * tile_elements + row);
        }
      }
      output += elements;
    }
  }

 private:
  /// Up to four rows of float32, from one column on.
  struct Rows {
    const std::byte* bytes;
    std::int64_t stride_bytes;
    std::int64_t count;
    const float* scale;
  };

  std::int64_t first_row(std::int64_t block) const {
    return block / group_blocks_ * group_channels_ + block % group_blocks_ * out_block_;
  }

  std::int64_t tiles(std::int64_t columns) const {
    return (columns + tile_columns_ - 1) / tile_columns_;
  }

  /// Rows of the source as float32: its own memory, or `converted`.
  Rows read_rows(std::int64_t row, std::int64_t count, std::int64_t column, std::int64_t columns,
                 std::vector<float>& converted) const {
    const std::byte* from = bytes_.data() + (row * row_elements_ + column) * item_bytes_;
    const std::int64_t stride_bytes = row_elements_ * item_bytes_;
    const float* scale = scale_.data() + row;
    if (dtype_ == DType::F32 && rounded_ == DType::F32) return {from, stride_bytes, count, scale};
    const auto length = static_cast<std::size_t>(columns);
    converted.resize(static_cast<std::size_t>(count) * length);
    for (std::int64_t i = 0; i < count; ++i) {
      const std::span<const std::byte> source(from + i * stride_bytes, length * item_bytes(dtype_));
      const auto to = std::span(converted).subspan(static_cast<std::size_t>(i) * length, length);
      convert_elements_via(source, dtype_, rounded_, DType::F32, std::as_writable_bytes(to));
    }
    return {std::as_bytes(std::span(converted)).data(), columns * kFloatBytes, count, scale};
  }

  /// Packs the part of these rows that is in one tile.
  void pack_rows(const Rows& rows, std::int64_t begin, std::int64_t columns, float* output) const {
    const std::byte* from = rows.bytes + begin * kFloatBytes;
    const std::int64_t whole = rows.count == 4 ? columns / 4 * 4 : 0;
    if (whole > 0) pack_four_rows(from, rows.stride_bytes, rows.scale, whole, output);
    for (std::int64_t lane = 0; lane < rows.count && whole < columns; ++lane) {
      pack_elements(from + lane * rows.stride_bytes, rows.scale[lane], whole, columns,
                    output + lane);
    }
  }

  void pack_four_rows(const std::byte* from, std::int64_t stride_bytes, const float* scale,
                      std::int64_t columns, float* output) const {
    const std::int64_t* position = positions_.data();
    for (std::int64_t j = 0; j < columns; j += 4, position += 4, from += 4 * kFloatBytes) {
      std::array<Float4, 4> m = {load(from) * scale[0], load(from + stride_bytes) * scale[1],
                                 load(from + 2 * stride_bytes) * scale[2],
                                 load(from + 3 * stride_bytes) * scale[3]};
      transpose(m);
      store(output + position[0], m[0]);
      store(output + position[1], m[1]);
      store(output + position[2], m[2]);
      store(output + position[3], m[3]);
    }
  }

  void pack_elements(const std::byte* from, float scale, std::int64_t first, std::int64_t last,
                     float* output) const {
    for (std::int64_t j = first; j < last; ++j) {
      float value;
      std::memcpy(&value, from + j * kFloatBytes, sizeof(value));
      output[positions_[static_cast<std::size_t>(j)]] = value * scale;
    }
  }

  static constexpr std::int64_t kFloatBytes = sizeof(float);
  /// Columns that are read at once, rounded to whole tiles: conversions have a cost per call, and
  /// four rows and their tiles stay in the first cache.
  static constexpr std::int64_t kSpanColumns = 512;

  std::span<const std::byte> bytes_;
  DType dtype_, rounded_;
  std::int64_t item_bytes_ = static_cast<std::int64_t>(item_bytes(dtype_));
  std::int64_t out_channels_, row_elements_, taps_, out_block_, group_channels_, group_blocks_,
      tile_columns_, span_columns_;
  std::vector<float> scale_;
  std::vector<std::int64_t> positions_;  ///< of a tile's column in the packed tile, in floats
};

void scale_rows(const Parameter& parameter, const std::vector<double>& scale, float* output) {
  const Tensor& weight = parameter.tensor;
  const auto rows = weight.shape()[0];
  const auto columns = narrow<std::size_t>(weight.numel() / rows);
  const std::size_t item = item_bytes(weight.dtype());
  const auto bytes = weight.bytes();
#pragma omp parallel for
  for (std::int64_t row = 0; row < rows; ++row) {
    const auto r = static_cast<std::size_t>(row);
    const std::span<float> to(output + r * columns, columns);
    convert_elements_via(bytes.subspan(r * columns * item, columns * item), weight.dtype(),
                         parameter.dtype, DType::F32, std::as_writable_bytes(to));
    if (scale[r] == 1) continue;
    for (float& value : to) value *= static_cast<float>(scale[r]);
  }
}

/// Writes a bias per output channel, with zeros where the layout pads a group.
void write_bias(const std::vector<double>& shift, const WeightLayout& layout, float* bias) {
  const auto groups = narrow<std::size_t>(layout.groups);
  const auto block = layout.groups == 1 ? 1 : narrow<std::size_t>(layout.out_block);
  const std::size_t channels = shift.size() / groups;
  const std::size_t padded = (channels + block - 1) / block * block;
  std::fill_n(bias, groups * padded, 0.0F);
  for (std::size_t c = 0; c < shift.size(); ++c) {
    bias[c / channels * padded + c % channels] = static_cast<float>(shift[c]);
  }
}

}  // namespace

Parameter parameter(const Weights& weights, NodeId id, std::string_view name, const Shape& shape) {
  const auto own = [&](const Graph& graph) -> const Tensor& {
    const Node& node = graph.node(id);
    const Tensor* tensor = node.module == nullptr ? nullptr : node.module->own(name);
    if (tensor == nullptr || tensor->shape() != shape || !is_floating(tensor->dtype())) {
      throw MismatchError(
          fmt::format("{}.{}", node.path, name),
          fmt::format("expected F32, F16, BF16 or F64 {}, got {}", to_string(shape),
                      tensor == nullptr ? "nothing"
                                        : fmt::format("{} {}", to_string(tensor->dtype()),
                                                      to_string(tensor->shape()))));
    }
    return *tensor;
  };
  const Tensor& tensor = own(weights.graph);
  return {tensor, weights.like == nullptr ? tensor.dtype() : own(*weights.like).dtype()};
}

ChannelAffine batch_norm_affine(const Weights& weights, NodeId batch_norm) {
  const auto& options = std::get<BatchNorm2dOptions>(weights.graph.node(batch_norm).op);
  const auto values = [&](std::string_view name) {
    return to_doubles(parameter(weights, batch_norm, name, {options.num_features}));
  };
  const auto mean = values("running_mean");
  const auto variance = values("running_var");
  ChannelAffine affine{values("weight"), values("bias")};
  for (std::size_t c = 0; c < mean.size(); ++c) {
    affine.scale[c] /= std::sqrt(variance[c] + options.eps);
    affine.shift[c] -= mean[c] * affine.scale[c];
  }
  return affine;
}

ChannelAffine affine_after(const Weights& weights, NodeId convolution,
                           std::optional<NodeId> batch_norm) {
  const auto& options = std::get<Conv2dOptions>(weights.graph.node(convolution).op);
  const auto channels = narrow<std::size_t>(options.out_channels);
  ChannelAffine affine = batch_norm ? batch_norm_affine(weights, *batch_norm)
                                    : ChannelAffine{std::vector<double>(channels, 1.0),
                                                    std::vector<double>(channels, 0.0)};
  if (options.bias) {
    const auto bias = to_doubles(parameter(weights, convolution, "bias", {options.out_channels}));
    for (std::size_t c = 0; c < channels; ++c) affine.shift[c] += bias[c] * affine.scale[c];
  }
  return affine;
}

void pack_weights(const Parameter& weight, const std::vector<double>& scale,
                  const WeightLayout& layout, float* output) {
  if (layout.row_major) {
    scale_rows(weight, scale, output);
  } else {
    const BlockPacker packer(weight, scale, layout);
    // Of each thread; allocated here, since no exception may leave a parallel region.
    std::vector<std::vector<float>> converted(static_cast<std::size_t>(omp_get_max_threads()));
    for (std::vector<float>& one : converted) one.reserve(packer.converted_elements());
    // Mapped pages count as the process's memory until they are given back.
    constexpr std::int64_t kPackedBytes = std::int64_t{8} << 20;
    const std::int64_t step = std::max<std::int64_t>(kPackedBytes / packer.bytes_of_block(), 1);
    for (std::int64_t begin = 0; begin < packer.out_blocks(); begin += step) {
      const std::int64_t end = std::min(begin + step, packer.out_blocks());
#pragma omp parallel for
      for (std::int64_t b = begin; b < end; ++b) {
        packer.pack(b, converted[static_cast<std::size_t>(omp_get_thread_num())], output);
      }
      if (end < packer.out_blocks()) release_mapped(packer.source_of(begin, end));
    }
  }
  release_mapped(weight.tensor.bytes());
}

void pack_convolution(const Weights& weights, NodeId convolution, std::optional<NodeId> batch_norm,
                      const WeightLayout& layout, float* packed, float* bias) {
  const auto& o = std::get<Conv2dOptions>(weights.graph.node(convolution).op);
  const ChannelAffine affine = affine_after(weights, convolution, batch_norm);
  write_bias(affine.shift, layout, bias);
  const Shape shape = {o.out_channels, o.in_channels / o.groups, o.kernel_size, o.kernel_size};
  pack_weights(parameter(weights, convolution, "weight", shape), affine.scale, layout, packed);
}

void pack_linear(const Weights& weights, NodeId linear, float* packed, double* bias) {
  const auto& o = std::get<LinearOptions>(weights.graph.node(linear).op);
  const auto rows = narrow<std::size_t>(o.out_features);
  pack_weights(parameter(weights, linear, "weight", {o.out_features, o.in_features}),
               std::vector<double>(rows, 1.0), WeightLayout{}, packed);
  std::ranges::copy(o.bias ? to_doubles(parameter(weights, linear, "bias", {o.out_features}))
                           : std::vector<double>(rows, 0.0),
                    bias);
}

}  // namespace weightlift
