#include "weightlift/image/png_chunks.h"

#include <zlib.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

// A PNG is eight bytes of signature, then chunks: length (big-endian), name, data, checksum. libpng
// skips all but the pixels, because it would keep every compressed text at its full size.
//
//   tEXt  key 0 text
//   zTXt  key 0 method 0, compressed text
//   iTXt  key 0 compressed? method 0, language 0 translated key 0 text, perhaps compressed

namespace weightlift {

namespace {

constexpr std::size_t kSignatureBytes = 8;
constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kNameEnd = 8;  // in a chunk
constexpr std::size_t kChecksumBytes = 4;
/// Pillow's MAX_TEXT_CHUNK. EXIF is at most 64 KB in a JPEG, XMP the same.
constexpr std::size_t kMaxTextBytes = 1024UL * 1024;

/// Returns the big-endian integer at `offset`, 0 beyond the text.
std::uint32_t load_png_integer(std::string_view text, std::size_t offset) {
  if (text.size() < offset + 4) return 0;
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    value = value << 8U | static_cast<unsigned char>(text[offset + i]);
  }
  return value;
}

/// Returns what comes before the next NUL and removes both from `rest`; nothing without a NUL.
std::optional<std::string_view> take_field(std::string_view& rest) {
  const auto nul = rest.find('\0');
  if (nul == rest.npos) return std::nullopt;
  const std::string_view field = rest.substr(0, nul);
  rest.remove_prefix(nul + 1);
  return field;
}

std::string inflate_text(std::string_view compressed) {
  std::string text(kMaxTextBytes, '\0');
  uLongf size = text.size();
  const int result = uncompress(reinterpret_cast<Bytef*>(text.data()), &size,
                                reinterpret_cast<const Bytef*>(compressed.data()),
                                static_cast<uLong>(compressed.size()));
  text.resize(result == Z_OK ? size : 0);
  return text;
}

/// ImageMagick's "\nexif\n      26\n4578...": hexadecimal after three lines.
std::string decode_raw_profile(std::string_view text) {
  for (int line = 0; line < 3; ++line) {
    const auto end = text.find('\n');
    if (end == text.npos) return {};
    text.remove_prefix(end + 1);
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string bytes;
  std::size_t digits = 0;
  for (const char c : text) {
    const char lower = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
    const auto value = kDigits.find(lower);
    if (value == kDigits.npos) continue;
    if (digits++ % 2 == 0) {
      bytes.push_back(static_cast<char>(value << 4U));
    } else {
      bytes.back() = static_cast<char>(static_cast<unsigned char>(bytes.back()) | value);
    }
  }
  return bytes;
}

/// A text as its chunk has it. Only the text that is used is inflated: small chunks make large
/// texts.
struct PngText {
  std::string_view data;
  bool compressed = false;

  std::string load() const { return compressed ? inflate_text(data) : std::string(data); }
};

/// Collects the metadata of the chunks; the last chunk of each kind is used.
class PngMetadata {
 public:
  void add(std::string_view name, std::string_view data) {
    if (name == "eXIf") exif_ = data;
    if (name == "tEXt") add_text(data);
    if (name == "zTXt") add_compressed_text(data);
    if (name == "iTXt") add_international_text(data);
  }

  ImageMetadata load() const {
    ImageMetadata metadata{.exif = std::string(exif_), .xmp = xmp_.load()};
    if (exif_.empty()) metadata.exif = decode_raw_profile(raw_profile_.load());
    return metadata;
  }

 private:
  PngText* find(std::string_view key) {
    if (key == "Raw profile type exif") return &raw_profile_;
    if (key == "XML:com.adobe.xmp") return &xmp_;
    return nullptr;
  }

  void add_text(std::string_view rest) {
    const auto key = take_field(rest);
    if (PngText* text = key ? find(*key) : nullptr) *text = {rest, false};
  }

  void add_compressed_text(std::string_view rest) {
    const auto key = take_field(rest);
    if (!key || rest.empty() || rest.front() != '\0') return;
    if (PngText* text = find(*key)) *text = {rest.substr(1), true};
  }

  void add_international_text(std::string_view rest) {
    const auto key = take_field(rest);
    PngText* text = key ? find(*key) : nullptr;
    if (text == nullptr || rest.size() < 2 || rest[1] != '\0') return;
    const bool compressed = rest[0] != '\0';
    rest.remove_prefix(2);
    if (take_field(rest) && take_field(rest)) *text = {rest, compressed};
  }

  std::string_view exif_;
  PngText raw_profile_, xmp_;
};

}  // namespace

PngChunks read_png_chunks(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  PngChunks chunks;
  PngMetadata metadata;
  bool has_pixels = false;
  bool pixels_are_a_frame = false;
  std::uint32_t animated_frames = 0;
  std::size_t at = kSignatureBytes;
  while (!chunks.has_end && at <= text.size() && text.size() - at >= kNameEnd + kChecksumBytes) {
    const std::string_view rest = text.substr(at);
    const std::size_t length = load_png_integer(rest, 0);
    if (length > rest.size() - kNameEnd - kChecksumBytes) break;
    const std::string_view name = rest.substr(kLengthBytes, 4);
    const std::string_view data = rest.substr(kNameEnd, length);
    has_pixels = has_pixels || name == "IDAT";
    if (!has_pixels && name == "acTL") animated_frames = load_png_integer(data, 0);
    if (!has_pixels && name == "fcTL") pixels_are_a_frame = true;
    metadata.add(name, data);
    chunks.has_end = name == "IEND";
    at += kNameEnd + length + kChecksumBytes;
  }
  chunks.end_bytes = at;
  chunks.metadata = metadata.load();
  if (animated_frames > 0) chunks.frames = animated_frames + (pixels_are_a_frame ? 0 : 1);
  return chunks;
}

}  // namespace weightlift
