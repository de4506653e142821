#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "weightlift/base/bytes.h"
#include "weightlift/image/decoders.h"

// A Windows bitmap, all numbers little-endian:
//
//   0   "BM", size of the file, reserved
//   10  where the pixels begin
//   14  size of the header that begins here; it identifies the kind of header:
//       12  width, height, planes, bits per pixel, of 16 bits each; colors of three bytes
//       40, 52, 56, 64, 108, 124
//           +4 width, +8 height, +12 planes, +14 bits, +16 compression, +32 number of colors,
//           +40 masks of red, green, blue and alpha, also after a header of 40 bytes; colors of
//           four bytes
//   palette, blue first, where a pixel has up to 8 bits
//   rows of pixels from the bottom (from the top where the height is negative), each padded to four
//   bytes
//
// Accepts the files that Pillow's BmpImagePlugin accepts, and reads them as it does.

namespace weightlift {

namespace {

constexpr std::size_t kFileHeaderBytes = 14;
constexpr std::uint32_t kCoreHeaderBytes = 12;
constexpr std::uint32_t kInfoHeaderBytes = 40;
constexpr std::uint32_t kMaxColors = 256;
constexpr std::string_view kSaveAsPng = "save it again as PNG";

enum class BmpCompression : std::uint32_t { kNone = 0, kRle8 = 1, kRle4 = 2, kBitFields = 3 };

struct BmpHeader {
  std::uint32_t header_bytes = 0;
  std::int64_t width = 0, height = 0;
  bool from_top = false;
  std::uint32_t bits = 0;
  BmpCompression compression = BmpCompression::kNone;
  std::uint32_t colors = 0;
  std::size_t color_bytes = 4;
  std::array<std::uint32_t, 4> masks{};  // red, green, blue, alpha
  std::size_t palette_offset = 0;
  std::size_t pixel_offset = 0;
};

/// Where the colors lie in a pixel of several bytes.
struct BmpLayout {
  std::uint32_t bits;
  std::array<std::uint32_t, 4> masks;
  std::size_t red, green, blue;  // bytes from the start of a pixel
};

/// The masks that Pillow supports.
constexpr std::array<BmpLayout, 9> kBmpLayouts = {{
    {32, {0xFF0000, 0xFF00, 0xFF, 0}, 2, 1, 0},
    {32, {0xFF000000, 0xFF0000, 0xFF00, 0}, 3, 2, 1},
    {32, {0xFF000000, 0xFF00, 0xFF, 0}, 3, 1, 0},
    {32, {0xFF000000, 0xFF0000, 0xFF00, 0xFF}, 3, 2, 1},
    {32, {0xFF, 0xFF00, 0xFF0000, 0xFF000000}, 0, 1, 2},
    {32, {0xFF0000, 0xFF00, 0xFF, 0xFF000000}, 2, 1, 0},
    {32, {0xFF000000, 0xFF00, 0xFF, 0xFF0000}, 3, 1, 0},
    {32, {0, 0, 0, 0}, 2, 1, 0},
    {24, {0xFF0000, 0xFF00, 0xFF, 0}, 2, 1, 0},
}};
constexpr std::array<std::uint32_t, 3> kMasks565 = {0xF800, 0x7E0, 0x1F};
constexpr std::array<std::uint32_t, 3> kMasks555 = {0x7C00, 0x3E0, 0x1F};

class BmpReader {
 public:
  explicit BmpReader(const ImageFile& file) : file_(file) {}

  StoredImage decode() {
    read_header();
    require_size(file_, header_.width, header_.height);
    StoredImage stored;
    if (header_.bits <= 8) {
      read_palette();
      const bool packed = header_.compression != BmpCompression::kNone;
      stored.image = apply_palette(packed ? read_run_lengths() : read_indices());
    } else {
      stored.image = read_colors();
    }
    stored.end_bytes = std::min(end_bytes_, file_.bytes.size());
    return stored;
  }

 private:
  template <class T>
  std::uint32_t load(std::size_t offset) const {
    const auto value = load_little_endian<T>(file_.bytes, offset);
    if (!value) refuse_truncated(file_, "BMP");
    return *value;
  }

  void read_header() {
    header_.pixel_offset = load<std::uint32_t>(10);
    header_.header_bytes = load<std::uint32_t>(kFileHeaderBytes);
    header_.palette_offset = kFileHeaderBytes + header_.header_bytes;
    if (header_.header_bytes == kCoreHeaderBytes) {
      read_core_header();
    } else {
      read_info_header();
    }
    if (header_.palette_offset > file_.bytes.size()) refuse_truncated(file_, "BMP");
    constexpr std::array<std::uint32_t, 6> kBits = {1, 4, 8, 16, 24, 32};
    if (std::ranges::find(kBits, header_.bits) == kBits.end()) {
      refuse_unsupported(file_, fmt::format("unsupported BMP with {} bits per pixel", header_.bits),
                         kSaveAsPng);
    }
    require_compression();
    if (header_.colors == 0) header_.colors = 1U << std::min(header_.bits, 8U);
    const bool directly = header_.pixel_offset == kFileHeaderBytes + header_.header_bytes;
    if (header_.bits <= 8 && directly) header_.pixel_offset += palette_bytes();
    if (header_.pixel_offset == 0) {
      header_.pixel_offset = header_.palette_offset + (header_.bits <= 8 ? palette_bytes() : 0);
    }
  }

  std::size_t palette_bytes() const { return header_.color_bytes * header_.colors; }

  void read_core_header() {
    header_.width = load<std::uint16_t>(18);
    header_.height = load<std::uint16_t>(20);
    header_.bits = load<std::uint16_t>(24);
    header_.color_bytes = 3;
  }

  void read_info_header() {
    constexpr std::array<std::uint32_t, 6> kSizes = {kInfoHeaderBytes, 52, 56, 64, 108, 124};
    if (std::ranges::find(kSizes, header_.header_bytes) == kSizes.end()) {
      refuse_unsupported(file_,
                         fmt::format("unsupported BMP header of {} bytes", header_.header_bytes),
                         kSaveAsPng);
    }
    header_.width = load<std::uint32_t>(18);
    header_.height = load<std::uint32_t>(22);
    constexpr std::int64_t kNegative = 0xFF000000, kWrap = 1LL << 32;
    header_.from_top = header_.height >= kNegative;
    if (header_.from_top) header_.height = kWrap - header_.height;
    header_.bits = load<std::uint16_t>(28);
    header_.compression = BmpCompression{load<std::uint32_t>(30)};
    header_.colors = load<std::uint32_t>(46);
    if (header_.compression != BmpCompression::kBitFields) return;
    constexpr std::size_t kMaskOffset = 54;
    const bool has_alpha = header_.header_bytes >= 56;
    for (std::size_t i = 0; i < (has_alpha ? 4U : 3U); ++i) {
      header_.masks.at(i) = load<std::uint32_t>(kMaskOffset + 4 * i);
    }
    if (header_.header_bytes == kInfoHeaderBytes) header_.palette_offset += 12;
  }

  void require_compression() const {
    const bool runs = header_.compression == BmpCompression::kRle8 ||
                      header_.compression == BmpCompression::kRle4;
    const bool fields = header_.compression == BmpCompression::kBitFields;
    if (header_.compression == BmpCompression::kNone || (runs && header_.bits <= 8) ||
        (fields && header_.bits > 8)) {
      return;
    }
    refuse_unsupported(file_,
                       fmt::format("unsupported BMP compression {} at {} bits per pixel",
                                   static_cast<std::uint32_t>(header_.compression), header_.bits),
                       kSaveAsPng);
  }

  void read_palette() {
    if (header_.colors > kMaxColors) {
      refuse_image(file_, fmt::format("expected a palette of at most {} colors, got {}", kMaxColors,
                                      header_.colors));
    }
    const auto at = [&](std::size_t place) {
      return std::to_integer<std::uint8_t>(file_.bytes[place]);
    };
    for (std::size_t i = 0; i < header_.colors; ++i) {
      const std::size_t color = header_.palette_offset + i * header_.color_bytes;
      if (color + header_.color_bytes > file_.bytes.size()) break;  // a partial color is ignored
      palette_.at(i) = {at(color + 2), at(color + 1), at(color)};
    }
    extend_grays();
  }

  /// Pillow ignores a palette in which every color is the gray of its index: indices beyond it are
  /// then also grays. Beyond other palettes they are black.
  void extend_grays() {
    for (std::size_t i = 0; i < header_.colors; ++i) {
      const auto gray = static_cast<std::uint8_t>(i);
      if (palette_.at(i) != Color{gray, gray, gray}) return;
    }
    for (std::size_t i = header_.colors; i < palette_.size(); ++i) {
      palette_.at(i).fill(static_cast<std::uint8_t>(i));
    }
  }

  /// The row in the file that is row `y` of the image.
  std::size_t stored_row(std::size_t y) const {
    return header_.from_top ? y : static_cast<std::size_t>(header_.height) - 1 - y;
  }

  std::span<const std::byte> row_bytes(std::size_t y) const {
    const std::size_t used = (static_cast<std::size_t>(header_.width) * header_.bits + 7) / 8;
    const std::size_t stride = (used + 3) / 4 * 4;
    return file_.bytes.subspan(header_.pixel_offset + stored_row(y) * stride, used);
  }

  /// The padding of the last row may be missing.
  void require_rows() {
    const std::size_t used = (static_cast<std::size_t>(header_.width) * header_.bits + 7) / 8;
    const std::size_t stride = (used + 3) / 4 * 4;
    const std::size_t last = static_cast<std::size_t>(header_.height) - 1;
    const std::size_t size = file_.bytes.size();
    if (header_.pixel_offset > size || last > (size - header_.pixel_offset) / stride ||
        size - header_.pixel_offset - last * stride < used) {
      refuse_truncated(file_, "BMP");
    }
    end_bytes_ = header_.pixel_offset + (last + 1) * stride;
  }

  Image read_indices() {
    require_rows();
    Image image = make_image(file_, header_.width, header_.height, 1);
    const auto width = static_cast<std::size_t>(header_.width);
    const std::size_t mask = (1U << header_.bits) - 1;
    for (std::size_t y = 0; y < static_cast<std::size_t>(header_.height); ++y) {
      const auto row = row_bytes(y);
      for (std::size_t x = 0; x < width; ++x) {
        const std::size_t bit = x * header_.bits;
        const std::size_t shift = 8 - header_.bits - bit % 8;
        image.samples[y * width + x] =
            static_cast<std::uint8_t>((std::to_integer<std::size_t>(row[bit / 8]) >> shift) & mask);
      }
    }
    return image;
  }

  Image read_colors() {
    require_rows();
    Image image = make_image(file_, header_.width, header_.height, 3);
    const auto width = static_cast<std::size_t>(header_.width);
    const bool is_565 = std::ranges::equal(kMasks565, std::span(header_.masks).first(3));
    if (header_.bits == 16) require_16_bit_masks(is_565);
    const BmpLayout layout = header_.bits == 16 ? BmpLayout{} : find_layout();
    std::uint8_t* out = image.samples.data();
    for (std::size_t y = 0; y < static_cast<std::size_t>(header_.height); ++y) {
      const auto row = row_bytes(y);
      for (std::size_t x = 0; x < width; ++x, out += 3) {
        const auto pixel = row.subspan(x * header_.bits / 8);
        if (header_.bits == 16) {
          unpack_16_bits(*load_little_endian<std::uint16_t>(pixel), is_565, out);
          continue;
        }
        out[0] = std::to_integer<std::uint8_t>(pixel[layout.red]);
        out[1] = std::to_integer<std::uint8_t>(pixel[layout.green]);
        out[2] = std::to_integer<std::uint8_t>(pixel[layout.blue]);
      }
    }
    return image;
  }

  [[noreturn]] void refuse_masks() const {
    refuse_unsupported(
        file_,
        fmt::format("unsupported BMP color masks {:08x} {:08x} {:08x} {:08x} at {} bits per pixel",
                    header_.masks[0], header_.masks[1], header_.masks[2], header_.masks[3],
                    header_.bits),
        kSaveAsPng);
  }

  void require_16_bit_masks(bool is_565) const {
    if (header_.compression != BmpCompression::kBitFields || is_565) return;
    if (!std::ranges::equal(kMasks555, std::span(header_.masks).first(3))) refuse_masks();
  }

  BmpLayout find_layout() const {
    if (header_.compression != BmpCompression::kBitFields) return kBmpLayouts.front();
    auto masks = header_.masks;
    if (header_.bits == 24) masks[3] = 0;  // Pillow looks at the colors alone
    const auto* found = std::ranges::find_if(kBmpLayouts, [&](const BmpLayout& layout) {
      return layout.bits == header_.bits && layout.masks == masks;
    });
    if (found == kBmpLayouts.end()) refuse_masks();
    return *found;
  }

  static void unpack_16_bits(std::uint32_t pixel, bool is_565, std::uint8_t* out) {
    constexpr std::uint32_t kFive = 31, kSix = 63;
    const std::uint32_t red = (is_565 ? pixel >> 11U : pixel >> 10U) & kFive;
    const std::uint32_t green_max = is_565 ? kSix : kFive;
    out[0] = static_cast<std::uint8_t>(red * 255 / kFive);
    out[1] = static_cast<std::uint8_t>(((pixel >> 5U) & green_max) * 255 / green_max);
    out[2] = static_cast<std::uint8_t>((pixel & kFive) * 255 / kFive);
  }

  /// Reads malformed runs exactly as Pillow's BmpRleDecoder:
  ///   n c            n pixels c (with 4 bits, its halves in turn), no more than fit into the row
  ///   0 0            end of the row
  ///   0 1            end of the image, which is refused where pixels are missing
  ///   0 2 right up   zeros up to that pixel
  ///   0 n            n pixels as they are, padded to an even place in the file
  Image read_run_lengths() {
    const bool nibbles = header_.compression == BmpCompression::kRle4;
    const auto width = static_cast<std::size_t>(header_.width);
    const auto total = width * static_cast<std::size_t>(header_.height);
    std::vector<std::uint8_t> out;
    std::size_t x = 0;
    std::size_t at = header_.pixel_offset;
    while (out.size() < total && has_bytes(at, 2)) {
      const std::size_t count = byte(at);
      const std::size_t code = byte(at + 1);
      at += 2;
      if (count > 0) {
        const std::size_t fits = x + count > width ? width - std::min(x, width) : count;
        for (std::size_t i = 0; i < fits; ++i) out.push_back(run_pixel(code, i, nibbles));
        x += fits;
      } else if (code == 0) {
        out.resize((out.size() + width - 1) / width * width);
        x = 0;
      } else if (code == 1) {
        break;
      } else if (code == 2) {
        if (!has_bytes(at, 2)) break;
        out.resize(out.size() + std::min(total - out.size(), byte(at) + byte(at + 1) * width));
        at += 2;
        x = out.size() % width;
      } else {
        const std::size_t pixels = std::min(total - out.size(), code);
        const std::size_t taken = nibbles ? (pixels + 1) / 2 : pixels;
        if (!has_bytes(at, taken)) break;
        for (std::size_t i = 0; i < pixels; ++i) {
          out.push_back(nibbles ? run_pixel(byte(at + i / 2), i, true)
                                : run_pixel(byte(at + i), 0, false));
        }
        at += taken;
        x += code;
        at += at % 2;
      }
    }
    end_bytes_ = file_.bytes.size();
    if (out.size() < total) refuse_truncated(file_, "BMP");
    return in_row_order(out);
  }

  static std::uint8_t run_pixel(std::size_t code, std::size_t i, bool nibbles) {
    if (!nibbles) return static_cast<std::uint8_t>(code);
    return static_cast<std::uint8_t>(i % 2 == 0 ? code >> 4U : code & 0xFU);
  }

  bool has_bytes(std::size_t at, std::size_t count) const {
    return at <= file_.bytes.size() && file_.bytes.size() - at >= count;
  }
  std::size_t byte(std::size_t at) const { return std::to_integer<std::size_t>(file_.bytes[at]); }

  Image in_row_order(const std::vector<std::uint8_t>& stored) const {
    Image image = make_image(file_, header_.width, header_.height, 1);
    const auto width = static_cast<std::size_t>(header_.width);
    for (std::size_t y = 0; y < static_cast<std::size_t>(header_.height); ++y) {
      std::copy_n(&stored[stored_row(y) * width], width, &image.samples[y * width]);
    }
    return image;
  }

  Image apply_palette(const Image& indices) const {
    Image image = make_image(file_, indices.width, indices.height, 3);
    std::uint8_t* out = image.samples.data();
    for (const std::uint8_t index : indices.samples) {
      out = std::ranges::copy(palette_.at(index), out).out;
    }
    return image;
  }

  using Color = std::array<std::uint8_t, 3>;
  const ImageFile& file_;
  BmpHeader header_;
  std::array<Color, kMaxColors> palette_{};
  std::size_t end_bytes_ = 0;
};

}  // namespace

StoredImage decode_bmp(const ImageFile& file) { return BmpReader(file).decode(); }

}  // namespace weightlift
