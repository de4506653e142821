#include "weightlift/image/preprocess.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "weightlift/base/message.h"
#include "weightlift/image/resize.h"

namespace weightlift {

namespace {

struct Size {
  std::int64_t width = 0, height = 0;
};

Size require_possible(double short_side, double long_side) {
  if (short_side < 1 || !(long_side <= static_cast<double>(kLongestSide))) {
    throw MismatchError(
        "crop_pct",
        fmt::format("expected resized sides of 1 to 2147483647 pixels, got {:.12g} x {:.12g}",
                    short_side, long_side));
  }
  return {static_cast<std::int64_t>(short_side), static_cast<std::int64_t>(long_side)};
}

/// Refuses settings that no file can have.
void require_settings(const ImageProcessor& processor) {
  constexpr std::int64_t kLongestEdge = kMaxProcessorSide;
  const ImageProcessor::CenterCrop crop = image_size(processor);
  for (const std::int64_t side : {processor.shortest_edge, crop.height, crop.width}) {
    if (side >= 1 && side <= kLongestEdge) continue;
    throw UsageError("image processor",
                     fmt::format("expected sides of 1 to {} pixels, got {}", kLongestEdge, side));
  }
  interpolation_of(processor.resample);
}

/// Returns the size before the crop. Its sides are quotients of doubles, truncated as by Python's
/// int().
Size resized(const Image& image, const ImageProcessor& processor) {
  const auto [shorter, longer] = std::minmax(image.width, image.height);
  const auto shortest = static_cast<double>(processor.shortest_edge);
  const double edge = processor.type == ProcessorClass::kBit
                          ? shortest
                          : std::trunc(shortest / processor.crop_pct.value);
  const Size size =
      require_possible(edge, edge * static_cast<double>(longer) / static_cast<double>(shorter));
  return image.width <= image.height ? size : Size{size.height, size.width};
}

/// The part of an axis that a crop takes.
struct Span {
  std::int64_t begin = 0;  ///< in the image
  std::int64_t count = 0;  ///< in the image
  std::int64_t zeros = 0;  ///< before it
};

Span span_of(std::int64_t size, std::int64_t crop, Preparation preparation) {
  const std::int64_t offset = crop_offset(size, crop, preparation);
  return size < crop ? Span{0, size, -offset} : Span{offset, crop, 0};
}

/// Returns the center of the image resized to `size`.
Image resize_and_crop(const Image& image, Size size, Size crop, Resample filter,
                      Preparation preparation) {
  const Span columns = span_of(size.width, crop.width, preparation);
  const Span rows = span_of(size.height, crop.height, preparation);
  Image part = resize(image, size.width, size.height, filter,
                      {columns.begin, rows.begin, columns.count, rows.count});
  if (part.width == crop.width && part.height == crop.height) return part;
  Image padded{crop.width, crop.height, image.channels, {}};
  padded.samples.resize(static_cast<std::size_t>(crop.width * crop.height * image.channels));
  for (std::int64_t y = 0; y < part.height; ++y) {
    std::copy_n(
        part.samples.data() + y * part.width * part.channels, part.width * part.channels,
        padded.samples.data() + ((rows.zeros + y) * crop.width + columns.zeros) * part.channels);
  }
  return padded;
}

using Table = std::array<float, 256>;

/// Returns each value of a sample before mean and std are applied: exactly as arithmetic on whole
/// arrays gives it.
Table rescaled(const ImageProcessor& processor, Preparation preparation) {
  Table table{};
  for (std::size_t value = 0; value < table.size(); ++value) {
    const auto sample = static_cast<float>(value);
    if (preparation == Preparation::kTimm) {
      table[value] = sample / 255.0F;
    } else if (processor.do_rescale) {
      const double scaled = static_cast<double>(value) * processor.rescale_factor.value;
      table[value] = static_cast<float>(scaled);
    } else {
      table[value] = sample;
    }
  }
  return table;
}

double value_for(const std::vector<Number>& values, const char* key, std::size_t channel,
                 std::size_t channels) {
  if (values.size() != 1 && values.size() != channels) {
    throw MismatchError(
        key,
        fmt::format("expected {}, one per channel of the image, got {}",
                    channels == 1 ? "1 value" : fmt::format("{} values", channels), values.size()));
  }
  return values[values.size() == 1 ? 0 : channel].value;
}

std::vector<Table> make_tables(const ImageProcessor& processor, std::int64_t channels,
                               Preparation preparation) {
  const auto count = static_cast<std::size_t>(channels);
  std::vector<Table> tables(count, rescaled(processor, preparation));
  if (preparation == Preparation::kTransformers && !processor.do_normalize) return tables;
  for (std::size_t channel = 0; channel < count; ++channel) {
    const auto mean =
        static_cast<float>(value_for(processor.image_mean, "image_mean", channel, count));
    const auto std =
        static_cast<float>(value_for(processor.image_std, "image_std", channel, count));
    for (float& value : tables[channel]) value = (value - mean) / std;
  }
  return tables;
}

void write_planes(float* out, const Image& image, const std::vector<Table>& tables) {
  const std::size_t channels = tables.size();
  for (std::size_t channel = 0; channel < channels; ++channel) {
    const Table& table = tables[channel];
    for (std::size_t at = channel; at < image.samples.size(); at += channels) {
      *out++ = table[image.samples[at]];
    }
  }
}

}  // namespace

std::int64_t crop_offset(std::int64_t size, std::int64_t crop, Preparation preparation) {
  const std::int64_t margin = size - crop;
  if (preparation == Preparation::kTransformers) return margin >> 1;  // floor
  if (margin < 0) return margin / 2;
  return margin % 4 == 3 ? margin / 2 + 1 : margin / 2;  // half to even
}

Image crop_seen(const Image& image, const ImageProcessor& processor, Preparation preparation) {
  require_consistent(image);
  require_settings(processor);
  const std::int64_t edge = processor.shortest_edge;
  const auto filter = static_cast<Resample>(processor.resample);
  const bool bit = processor.type == ProcessorClass::kBit;
  if (preparation == Preparation::kTimm || (bit && processor.do_resize)) {
    const Size size = resized(image, processor);
    const ImageProcessor::CenterCrop crop =
        bit ? image_size(processor) : ImageProcessor::CenterCrop{edge, edge};
    const bool whole = bit && !processor.center_crop && preparation != Preparation::kTimm;
    return resize_and_crop(image, size, whole ? size : Size{crop.width, crop.height}, filter,
                           preparation);
  }
  Image seen;
  if (!processor.do_resize) {
    seen = image;
  } else if (edge < kFirstSquashedEdge) {
    seen = resize_and_crop(image, resized(image, processor), {edge, edge}, filter, preparation);
  } else {
    seen = resize(image, edge, edge, filter);
  }
  if (!processor.center_crop) return seen;
  return resize_and_crop(seen, {seen.width, seen.height},
                         {processor.center_crop->width, processor.center_crop->height}, filter,
                         preparation);
}

Tensor to_pixel_values(std::span<const Image> crops, const ImageProcessor& processor,
                       Preparation preparation) {
  if (crops.empty()) throw MismatchError("expected at least one image, got none");
  const Image& first = crops.front();
  for (const Image& crop : crops) require_consistent(crop);
  const std::vector<Table> tables = make_tables(processor, first.channels, preparation);
  std::vector<float> values(crops.size() * first.samples.size());
  float* out = values.data();
  for (const Image& crop : crops) {
    if (crop.width != first.width || crop.height != first.height ||
        crop.channels != first.channels) {
      throw MismatchError("",
                          fmt::format("the image sizes differ: {} x {} and {} x {}", first.width,
                                      first.height, crop.width, crop.height),
                          advice("set do_resize to true"));
    }
    write_planes(out, crop, tables);
    out += crop.samples.size();
  }
  const auto count = static_cast<std::int64_t>(crops.size());
  return Tensor::of({count, first.channels, first.height, first.width}, std::move(values));
}

Tensor preprocess(const Image& image, const ImageProcessor& processor, Preparation preparation) {
  const Image seen = crop_seen(image, processor, preparation);
  return to_pixel_values({&seen, 1}, processor, preparation);
}

}  // namespace weightlift
