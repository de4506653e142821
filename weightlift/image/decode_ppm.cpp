#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "weightlift/base/message.h"
#include "weightlift/image/decoders.h"

// PBM, PGM and PPM: "P1" to "P6", width, height and (not for bits) the largest value as decimal
// text, one white space, pixels: as decimal text in P1 to P3, as bits, bytes or big-endian pairs in
// P4 to P6. A comment runs from # to the end of its line. Accepts the files that Pillow's
// PpmImagePlugin accepts, and reads them as it does: it clips luminance of more than 8 bits at 255,
// and scales color.

namespace weightlift {

namespace {

constexpr std::string_view kPpmSpace = " \t\n\v\f\r";
constexpr std::size_t kMaxTokenBytes = 10;
constexpr std::int64_t kMaxValue = 65535;

bool is_ppm_space(char c) { return kPpmSpace.find(c) != kPpmSpace.npos; }

/// Returns a table of the samples for values from 0 to 65535: Python's round(value / maxval * 255).
/// For luminance of more than 8 bits the factor is 65535, and convert() then clips at 255.
std::vector<std::uint8_t> make_scale(std::int64_t maxval, bool clips) {
  std::vector<std::uint8_t> scale(kMaxValue + 1);
  const double most = clips ? 65535 : 255;
  for (std::size_t i = 0; i < scale.size(); ++i) {
    const double value =
        std::nearbyint(static_cast<double>(i) / static_cast<double>(maxval) * most);
    scale[i] = static_cast<std::uint8_t>(std::min(value, 255.0));
  }
  return scale;
}

class PpmReader {
 public:
  explicit PpmReader(const ImageFile& file)
      : file_(file),
        text_(reinterpret_cast<const char*>(file.bytes.data()), file.bytes.size()),
        kind_(text_[1]) {}

  StoredImage decode() {
    read_header();
    StoredImage stored;
    if (kind_ == '1') stored.image = read_plain_bits();
    if (kind_ == '2' || kind_ == '3') stored.image = read_plain_values();
    if (kind_ == '4') stored.image = read_bits();
    if (kind_ == '5' || kind_ == '6') stored.image = read_values();
    stored.end_bytes = at_;
    return stored;
  }

 private:
  std::int64_t channels() const { return kind_ == '3' || kind_ == '6' ? 3 : 1; }

  void read_header() {
    at_ = 2;
    if (at_ < text_.size() && !is_ppm_space(text_[at_])) {
      refuse_image(file_, "expected white space after P1 to P6");
    }
    ++at_;
    width_ = read_number("width");
    height_ = read_number("height");
    require_size(file_, width_, height_);
    if (kind_ == '1' || kind_ == '4') return;
    maxval_ = read_number("maximum value");
    if (maxval_ < 1 || maxval_ > kMaxValue) {
      refuse_image(
          file_, fmt::format("expected a maximum value from 1 to {}, got {}", kMaxValue, maxval_));
    }
  }

  /// Reads the next word of the header and the one white space after it. Skips comments, also those
  /// inside words.
  std::int64_t read_number(std::string_view what) {
    std::string token;
    while (at_ < text_.size() && token.size() <= kMaxTokenBytes) {
      const char c = text_[at_++];
      if (c == '#') {
        skip_comment();
      } else if (!is_ppm_space(c)) {
        token += c;
      } else if (!token.empty()) {
        break;
      }
    }
    if (token.empty()) refuse_truncated(file_, "PPM");
    return to_value(token, what);
  }

  void skip_comment() {
    at_ = std::min(text_.find_first_of("\r\n", at_), text_.size());
    if (at_ < text_.size()) ++at_;
  }

  std::int64_t to_value(std::string_view token, std::string_view what) const {
    const bool digits = token.find_first_not_of("0123456789") == token.npos;
    if (!digits || token.size() > kMaxTokenBytes) {
      refuse_image(file_, fmt::format("expected a {} of at most {} digits", what, kMaxTokenBytes));
    }
    std::int64_t value = 0;
    for (const char c : token) value = value * 10 + (c - '0');
    return value;
  }

  /// Returns the next word of the pixels, empty at the end.
  std::string_view next_token(std::string& buffer) {
    buffer.clear();
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '#') {
        skip_comment();
      } else if (!is_ppm_space(c)) {
        buffer += c;
        if (buffer.size() > kMaxTokenBytes) break;  // the caller refuses it
      } else if (!buffer.empty()) {
        break;
      }
    }
    return buffer;
  }

  Image read_plain_values() {
    require_room(static_cast<std::uint64_t>(channels()) * 2, 1);  // a digit and a space each
    Image image = make_image(file_, width_, height_, channels());
    const auto scale = make_scale(maxval_, kind_ == '2' && maxval_ > 255);
    std::string buffer;
    for (std::uint8_t& sample : image.samples) {
      const std::string_view token = next_token(buffer);
      if (token.empty()) refuse_truncated(file_, "PPM");
      const std::int64_t value = to_value(token, "value");
      if (value > maxval_) {
        refuse_image(file_, fmt::format("expected values up to {}, got {}", maxval_, value));
      }
      sample = scale[static_cast<std::size_t>(value)];
    }
    return image;
  }

  /// Bits need no white space between them. Only more bits may follow them, as in Pillow.
  Image read_plain_bits() {
    require_room(1, 0);
    Image image = make_image(file_, width_, height_, 1);
    std::size_t count = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '#') {
        skip_comment();
      } else if (c == '0' || c == '1') {
        if (count < image.samples.size()) image.samples[count++] = c == '0' ? 255 : 0;
      } else if (!is_ppm_space(c)) {
        refuse_image(file_, "expected pixels of 0 and 1");
      }
    }
    if (count < image.samples.size()) refuse_truncated(file_, "PPM");
    return image;
  }

  Image read_bits() {
    const auto width = static_cast<std::size_t>(width_);
    const std::size_t row_bytes = (width + 7) / 8;
    require_bytes(row_bytes * static_cast<std::size_t>(height_));
    Image image = make_image(file_, width_, height_, 1);
    for (std::size_t y = 0; y < static_cast<std::size_t>(height_); ++y, at_ += row_bytes) {
      for (std::size_t x = 0; x < width; ++x) {
        const unsigned bits = byte(at_ + x / 8) << x % 8;
        image.samples[y * width + x] = (bits & 0x80U) != 0 ? 0 : 255;
      }
    }
    return image;
  }

  Image read_values() {
    const bool pairs = maxval_ > 255;
    const std::size_t samples = static_cast<std::size_t>(width_ * height_ * channels());
    require_bytes(pairs ? 2 * samples : samples);
    Image image = make_image(file_, width_, height_, channels());
    const auto scale = make_scale(maxval_, kind_ == '5' && pairs);
    for (std::uint8_t& sample : image.samples) {
      const unsigned value = pairs ? byte(at_) << 8U | byte(at_ + 1) : byte(at_);
      sample = scale[value];
      at_ += pairs ? 2 : 1;
    }
    return image;
  }

  unsigned byte(std::size_t at) const { return static_cast<unsigned char>(text_[at]); }

  void require_bytes(std::size_t count) const {
    if (at_ > text_.size() || text_.size() - at_ < count) refuse_truncated(file_, "PPM");
  }

  /// Refuses a file that is too short, before memory is allocated: each pixel has at least
  /// `per_pixel` characters, all together `less` fewer.
  void require_room(std::uint64_t per_pixel, std::uint64_t less) const {
    require_bytes(static_cast<std::uint64_t>(width_ * height_) * per_pixel - less);
  }

  const ImageFile& file_;
  std::string_view text_;
  char kind_;
  std::size_t at_ = 0;
  std::int64_t width_ = 0, height_ = 0, maxval_ = 0;
};

}  // namespace

StoredImage decode_ppm(const ImageFile& file) { return PpmReader(file).decode(); }

}  // namespace weightlift
