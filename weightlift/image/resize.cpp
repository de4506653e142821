// Pillow resizes in two passes, one along each axis, and rounds to 8 bits after each. A pixel of a
// pass is a weighted sum of the source pixels of its window:
//
//   out[i] = clamp((2^21 + sum over j of in[first_i + j] * weight_ij) >> 22, 0, 255)
//
// with weights that are computed in double and rounded to multiples of 2^-22. Each rounding affects
// the result, so every step here is Pillow's: its order of sums, its truncations, which pass comes
// first. No multiplication may be fused with an addition (-ffp-contract=off).
#include "weightlift/image/resize.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numbers>
#include <utility>

#include "weightlift/base/message.h"

namespace weightlift {

namespace {

constexpr int kPrecisionBits = 22;  // 8 for the result, 2 for sums below 0 and above 1
constexpr std::int32_t kHalf = 1 << (kPrecisionBits - 1);

struct Filter {
  double (*weight)(double);  ///< at a distance from the middle, in pixels
  double support;            ///< the weight is zero beyond this distance
};

double box(double x) { return x > -0.5 && x <= 0.5 ? 1.0 : 0.0; }

double bilinear(double x) {
  x = std::abs(x);
  return x < 1.0 ? 1.0 - x : 0.0;
}

double hamming(double x) {
  x = std::abs(x);
  if (x == 0.0) return 1.0;
  if (x >= 1.0) return 0.0;
  x *= std::numbers::pi;
  return std::sin(x) / x * (static_cast<double>(0.54F) + static_cast<double>(0.46F) * std::cos(x));
}

double bicubic(double x) {
  x = std::abs(x);
  if (x < 1.0) return (1.5 * x - 2.5) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * -0.5;
  return 0.0;
}

double sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double lanczos(double x) { return x >= -3.0 && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0; }

Filter filter_of(Resample filter) {
  switch (filter) {
    case Resample::kLanczos:
      return {lanczos, 3.0};
    case Resample::kBicubic:
      return {bicubic, 2.0};
    case Resample::kBox:
      return {box, 0.5};
    case Resample::kHamming:
      return {hamming, 1.0};
    default:
      return {bilinear, 1.0};
  }
}

/// Places along one axis.
struct Range {
  std::int64_t begin = 0, count = 0;
};

/// The windows of the source from which the places of an output range are computed.
struct Windows {
  struct Window {
    std::int64_t first = 0;  ///< counted from source.begin
    std::int64_t count = 0;
    std::size_t weights = 0;  ///< where its weights begin
  };
  Range source;  ///< covers all windows
  std::vector<Window> windows;
  std::vector<std::int32_t> weights;
};

std::int32_t to_fixed_point(double weight) {
  constexpr double kOne = 1 << kPrecisionBits;
  return static_cast<std::int32_t>(weight * kOne + (weight < 0 ? -0.5 : 0.5));
}

std::int64_t to_place(double x) { return static_cast<std::int64_t>(std::trunc(x + 0.5)); }

/// Returns the windows for the places `part` of an axis that goes from `in` to `out` places.
Windows make_windows(std::int64_t in, std::int64_t out, Range part, Resample resample) {
  const Filter filter = filter_of(resample);
  // Through float, since Pillow's box of the source is made of floats.
  const double scale = static_cast<double>(static_cast<float>(in)) / static_cast<double>(out);
  const double stretch = std::max(scale, 1.0);
  const double support = filter.support * stretch;
  const double inverse = 1.0 / stretch;
  Windows made;
  std::int64_t last = 0;
  std::vector<double> weights;
  for (std::int64_t i = part.begin; i < part.begin + part.count; ++i) {
    const double center = (static_cast<double>(i) + 0.5) * scale;
    const auto first = std::max(to_place(center - support), std::int64_t{0});
    const auto end = std::min(to_place(center + support), in);
    weights.clear();
    double sum = 0;
    for (std::int64_t x = first; x < end; ++x) {
      weights.push_back(filter.weight((static_cast<double>(x) - center + 0.5) * inverse));
      sum += weights.back();
    }
    if (made.windows.empty()) made.source.begin = first;
    last = std::max(last, end);
    made.windows.push_back({first - made.source.begin, end - first, made.weights.size()});
    for (const double weight : weights) {
      made.weights.push_back(to_fixed_point(sum == 0.0 ? weight : weight / sum));
    }
  }
  made.source.count = last - made.source.begin;
  return made;
}

/// The samples of a part of an image.
struct View {
  const std::uint8_t* samples;
  std::int64_t stride;  ///< samples from one row to the next
  std::int64_t width, height, channels;

  const std::uint8_t* row(std::int64_t y) const { return samples + y * stride; }
};

View view_of(const Image& image, Range columns, Range rows) {
  const std::int64_t stride = image.width * image.channels;
  return {image.samples.data() + rows.begin * stride + columns.begin * image.channels, stride,
          columns.count, rows.count, image.channels};
}

View view_of(const Image& image) { return view_of(image, {0, image.width}, {0, image.height}); }

Image blank(std::int64_t width, std::int64_t height, std::int64_t channels) {
  return {width, height, channels,
          std::vector<std::uint8_t>(static_cast<std::size_t>(width * height * channels))};
}

std::uint8_t to_sample(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> kPrecisionBits, 0, 255));
}

/// Packs the samples of two rows, one in each half of a 64-bit number. One multiplication then
/// serves both, and the sums do not overlap, because each fits in 32 bits.
void pack_rows(std::uint64_t* __restrict__ packed, const std::uint8_t* __restrict__ low,
               const std::uint8_t* __restrict__ high, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    packed[i] = low[i] | static_cast<std::uint64_t>(high[i]) << 32U;
  }
}

template <std::size_t kChannels>
void resample_packed_rows(std::uint8_t* low_out, std::uint8_t* high_out, const std::uint64_t* in,
                          const Windows& windows) {
  for (const Windows::Window& window : windows.windows) {
    const std::uint64_t* sample = in + window.first * std::int64_t{kChannels};
    const std::int32_t* weights = windows.weights.data() + window.weights;
    std::array<std::uint64_t, kChannels> sums{};
    for (std::int64_t i = 0; i < window.count; ++i) {
      const auto weight = static_cast<std::uint64_t>(std::int64_t{weights[i]});
      for (std::uint64_t& sum : sums) sum += *sample++ * weight;
    }
    for (const std::uint64_t sum : sums) {
      const auto low = static_cast<std::int32_t>(static_cast<std::uint32_t>(sum));
      // A negative lower sum has borrowed one from the upper.
      const auto upper = (sum - static_cast<std::uint64_t>(std::int64_t{low})) >> 32U;
      *low_out++ = to_sample(low + kHalf);
      *high_out++ = to_sample(static_cast<std::int32_t>(upper) + kHalf);
    }
  }
}

/// The horizontal pass.
Image resample_columns(const View& in, const Windows& windows) {
  Image out = blank(static_cast<std::int64_t>(windows.windows.size()), in.height, in.channels);
  const std::int64_t count = in.width * in.channels;
  const auto row_of = [&](std::int64_t y) {
    return out.samples.data() + y * out.width * out.channels;
  };
  std::vector<std::uint64_t> packed(static_cast<std::size_t>(count));
  for (std::int64_t y = 0; y < in.height; y += 2) {
    const std::int64_t next = std::min(y + 1, in.height - 1);  // an odd last row: with itself
    pack_rows(packed.data(), in.row(y), in.row(next), count);
    const auto resample = in.channels == 1 ? resample_packed_rows<1> : resample_packed_rows<3>;
    resample(row_of(y), row_of(next), packed.data(), windows);
  }
  return out;
}

void add_weighted(std::int32_t* __restrict__ sums, const std::uint8_t* __restrict__ row,
                  std::int32_t weight, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) sums[i] += row[i] * weight;
}

void to_samples(std::uint8_t* __restrict__ row, const std::int32_t* __restrict__ sums,
                std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) row[i] = to_sample(sums[i]);
}

/// The vertical pass.
Image resample_rows(const View& in, const Windows& windows) {
  Image out = blank(in.width, static_cast<std::int64_t>(windows.windows.size()), in.channels);
  const std::int64_t count = in.width * in.channels;
  std::vector<std::int32_t> sums(static_cast<std::size_t>(count));
  std::uint8_t* row = out.samples.data();
  for (const Windows::Window& window : windows.windows) {
    std::ranges::fill(sums, kHalf);
    for (std::int64_t i = 0; i < window.count; ++i) {
      add_weighted(sums.data(), in.row(window.first + i),
                   windows.weights[window.weights + static_cast<std::size_t>(i)], count);
    }
    to_samples(row, sums.data(), count);
    row += count;
  }
  return out;
}

/// Returns the places that the nearest filter takes, -1 where rounding errors leave the source.
std::vector<std::int64_t> nearest_places(std::int64_t in, std::int64_t out, Range part) {
  const double scale = static_cast<double>(static_cast<float>(in)) / static_cast<double>(out);
  std::vector<std::int64_t> places;
  double place = scale * 0.5;
  for (std::int64_t i = 0; i < part.begin + part.count; ++i) {
    const auto whole = static_cast<std::int64_t>(place);
    if (i >= part.begin) places.push_back(whole < in ? whole : -1);
    place += scale;  // like Pillow: the rounding errors of the sum affect the result
  }
  return places;
}

template <std::size_t kChannels>
void take_pixels(std::uint8_t* out, const std::uint8_t* row,
                 const std::vector<std::int64_t>& columns) {
  for (const std::int64_t x : columns) {
    if (x >= 0) std::memcpy(out, row + x * std::int64_t{kChannels}, kChannels);
    out += kChannels;
  }
}

Image take_nearest(const Image& image, std::int64_t width, std::int64_t height, const Box& part) {
  const auto columns = nearest_places(image.width, width, {part.left, part.width});
  const auto rows = nearest_places(image.height, height, {part.top, part.height});
  const View in = view_of(image);
  Image out = blank(part.width, part.height, image.channels);
  std::uint8_t* to = out.samples.data();
  const auto take = in.channels == 1 ? take_pixels<1> : take_pixels<3>;
  for (const std::int64_t y : rows) {
    if (y >= 0) take(to, in.row(y), columns);
    to += part.width * in.channels;
  }
  return out;
}

Image copy(const View& in) {
  Image out = blank(in.width, in.height, in.channels);
  const std::int64_t count = in.width * in.channels;
  for (std::int64_t y = 0; y < in.height; ++y) {
    std::copy_n(in.row(y), count, out.samples.data() + y * count);
  }
  return out;
}

/// Refuses a part that does not lie within a side of the resized image.
void require_inside(std::int64_t begin, std::int64_t count, std::int64_t side) {
  if (side >= 1 && side <= kLongestSide && begin >= 0 && begin <= side && count >= 1 &&
      count <= side - begin) {
    return;
  }
  throw UsageError(
      "part", fmt::format("expected pixels within 0 to {}, got {} from {} on", side, count, begin));
}

}  // namespace

Image resize(const Image& image, std::int64_t width, std::int64_t height, Resample filter) {
  return resize(image, width, height, filter, {0, 0, width, height});
}

Image resize(const Image& image, std::int64_t width, std::int64_t height, Resample filter,
             const Box& part) {
  require_consistent(image);
  require_inside(part.left, part.width, width);
  require_inside(part.top, part.height, height);
  const Range wanted_columns{part.left, part.width};
  const Range wanted_rows{part.top, part.height};
  if (filter > Resample::kHamming) throw UsageError("filter", "expected one of Pillow's");
  const bool horizontal = width != image.width;
  const bool vertical = height != image.height;
  if (!horizontal && !vertical) return copy(view_of(image, wanted_columns, wanted_rows));
  if (filter == Resample::kNearest) return take_nearest(image, width, height, part);
  Windows columns;
  Windows rows;
  if (horizontal) columns = make_windows(image.width, width, wanted_columns, filter);
  if (vertical) rows = make_windows(image.height, height, wanted_rows, filter);
  const View source = view_of(image, horizontal ? columns.source : wanted_columns,
                              vertical ? rows.source : wanted_rows);
  if (!vertical) return resample_columns(source, columns);
  if (!horizontal) return resample_rows(source, rows);
  // Since Pillow 13, the vertical pass comes first where it removes more than twice as much.
  const std::int64_t shorter = image.height - height;
  const bool vertical_first = shorter > 0 && shorter > 2 * (image.width - width);
  return vertical_first ? resample_columns(view_of(resample_rows(source, rows)), columns)
                        : resample_rows(view_of(resample_columns(source, columns)), rows);
}

}  // namespace weightlift
