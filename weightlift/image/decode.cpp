#include "weightlift/image/decode.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <new>
#include <string_view>
#include <utility>

#include "weightlift/base/bytes.h"
#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/base/wrong_download.h"
#include "weightlift/image/color.h"
#include "weightlift/image/decoders.h"
#include "weightlift/image/orient.h"
#include "weightlift/progress.h"

namespace weightlift {

namespace {

using std::string_view_literals::operator""sv;

/// Bytes that identify a kind of file: `magic` at `offset`.
struct FileKind {
  std::size_t offset;
  std::string_view magic;
  std::string_view name;
};

struct ImageFormat {
  FileKind kind;
  StoredImage (*decode)(const ImageFile&);
};

constexpr std::array<ImageFormat, 10> kFormats = {{
    {{0, "\xFF\xD8\xFF"sv, "JPEG"}, decode_jpeg},
    {{0, "\x89PNG\r\n\x1A\n"sv, "PNG"}, decode_png},
    {{8, "WEBP"sv, "WebP"}, decode_webp},
    {{0, "BM"sv, "BMP"}, decode_bmp},
    {{0, "P1"sv, "PPM"}, decode_ppm},
    {{0, "P2"sv, "PPM"}, decode_ppm},
    {{0, "P3"sv, "PPM"}, decode_ppm},
    {{0, "P4"sv, "PPM"}, decode_ppm},
    {{0, "P5"sv, "PPM"}, decode_ppm},
    {{0, "P6"sv, "PPM"}, decode_ppm},
}};

constexpr std::array<FileKind, 15> kUnsupported = {{
    {0, "GIF8"sv, "GIF"},
    {0, "II\x2A\0"sv, "TIFF"},
    {0, "MM\0\x2A"sv, "TIFF"},
    {4, "ftypavif"sv, "AVIF"},
    {4, "ftypavis"sv, "AVIF"},
    {4, "ftyphei"sv, "HEIC"},
    {4, "ftypmif1"sv, "HEIC"},
    {0, "\0\0\0\x0CjP  "sv, "JPEG 2000"},
    {0, "\xFF\x4F\xFF\x51"sv, "JPEG 2000"},
    {0, "\xFF\x0A"sv, "JPEG XL"},
    {0, "\0\0\0\x0CJXL "sv, "JPEG XL"},
    {0, "8BPS"sv, "Photoshop"},
    {0, "\0\0\x01\0"sv, "ICO"},
    {0, "%PDF"sv, "PDF"},
    {0, "<svg"sv, "SVG"},
}};

bool is_of_kind(std::span<const std::byte> bytes, const FileKind& kind) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return text.size() > kind.offset && text.substr(kind.offset).starts_with(kind.magic);
}

[[noreturn]] void refuse_format(const ImageFile& file) {
  if (file.bytes.empty()) refuse_image(file, "empty file");
  for (const FileKind& kind : kUnsupported) {
    if (!is_of_kind(file.bytes, kind)) continue;
    refuse_unsupported(file, fmt::format("unsupported image format {}", kind.name),
                       "convert it to PNG first");
  }
  const std::string_view text(reinterpret_cast<const char*>(file.bytes.data()), file.bytes.size());
  if (const WrongDownload other = find_wrong_download(text); !other.what.empty()) {
    refuse_image(file, fmt::format("{}, not an image", other.what), other.advice);
  }
  refuse_image(file, "not a JPEG, PNG, WebP, BMP or PPM image");
}

const ImageFormat& sniff_format(const ImageFile& file) {
  for (const ImageFormat& format : kFormats) {
    if (is_of_kind(file.bytes, format.kind)) return format;
  }
  refuse_format(file);
}

DecodedImage decode_format(const ImageFile& file, const ImageFormat& format, ColorMode mode) {
  StoredImage stored = format.decode(file);
  DecodedImage result{
      .image = {}, .format = std::string(format.kind.name), .notes = std::move(stored.notes)};
  if (stored.end_bytes < file.bytes.size()) {
    result.notes.push_back({NoteCode::kImageTrailingBytes,
                            "",
                            {{"bytes", std::to_string(file.bytes.size() - stored.end_bytes)}}});
  }
  const int orientation = find_orientation(stored.metadata, result.notes);
  // Rotate the image while it has fewer channels.
  if (mode == ColorMode::kL) stored.image = to_luminance(std::move(stored.image));
  result.image = orient(std::move(stored.image), orientation);
  if (mode == ColorMode::kRGB) result.image = to_rgb(std::move(result.image));
  return result;
}

}  // namespace

DecodedImage decode_image(std::span<const std::byte> bytes, ColorMode mode,
                          const std::string& where, const DecodeLimits& limits) {
  const ImageFile file{bytes, where, limits.max_pixels};
  const ImageFormat& format = sniff_format(file);
  try {
    return decode_format(file, format, mode);
  } catch (const std::bad_alloc&) {
    throw NoMemoryError(where, "not enough memory to decode the image", advice("shrink the image"));
  }
}

DecodedImage load_image(const std::filesystem::path& file, ColorMode mode,
                        const DecodeLimits& limits) {
  const auto mapped = MappedFile::open(file);
  DecodedImage decoded = decode_image(mapped->bytes(), mode, shown(file), limits);
  mapped->require_intact();
  return decoded;
}

bool looks_like_image(std::span<const std::byte> bytes) {
  return std::ranges::any_of(
      kFormats, [&](const ImageFormat& format) { return is_of_kind(bytes, format.kind); });
}

void refuse_image(const ImageFile& file, std::string message, std::string_view advice) {
  throw FormatError(file.where, std::move(message),
                    advice.empty() ? Hints() : weightlift::advice(std::string(advice)));
}

void refuse_unsupported(const ImageFile& file, std::string message, std::string_view advice) {
  throw UnsupportedError(file.where, std::move(message), weightlift::advice(std::string(advice)));
}

void refuse_truncated(const ImageFile& file, std::string_view format) {
  refuse_image(file, fmt::format("truncated {} of {} bytes", format, file.bytes.size()),
               "download or copy the file again");
}

void require_size(const ImageFile& file, std::int64_t width, std::int64_t height) {
  if (width <= 0 || height <= 0) {
    refuse_image(file, fmt::format("expected at least 1 x 1 pixels, got {} x {}", width, height));
  }
  const auto pixels = checked_mul(width, height);
  if (!pixels || *pixels > file.max_pixels) {
    refuse_unsupported(
        file,
        fmt::format("expected at most {} pixels, got {} x {}", file.max_pixels, width, height),
        "raise the pixel limit");
  }
}

Image make_image(const ImageFile& file, std::int64_t width, std::int64_t height,
                 std::int64_t channels) {
  require_size(file, width, height);
  const auto samples = checked_mul(width * height, channels);
  if (!samples) throw std::bad_alloc();
  Image image{.width = width, .height = height, .channels = channels, .samples = {}};
  image.samples.resize(narrow<std::size_t>(*samples));
  return image;
}

}  // namespace weightlift
