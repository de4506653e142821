#include "weightlift/image/decode.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <new>
#include <string_view>
#include <utility>

#include "weightlift/base/bytes.h"
#include "weightlift/base/error.h"
#include "weightlift/base/file.h"
#include "weightlift/image/color.h"
#include "weightlift/image/decoders.h"
#include "weightlift/image/orient.h"

namespace weightlift {

namespace {

using std::string_view_literals::operator""sv;

/// Bytes that tell a kind of file: `magic` at `offset`.
struct FileKind {
  std::size_t offset;
  std::string_view magic;
  std::string_view name;
};

struct PictureFormat {
  FileKind kind;
  StoredPicture (*decode)(const PictureFile&);
};

constexpr std::array<PictureFormat, 10> kFormats = {{
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

/// What is often taken for a picture that can be read here: named, so that one knows what to do.
constexpr std::array<FileKind, 18> kOthers = {{
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
    {0, "8BPS"sv, "a Photoshop file"},
    {0, "\0\0\x01\0"sv, "an icon"},
    {0, "%PDF"sv, "PDF"},
    {0, "<svg"sv, "SVG"},
    {0, "<!DOCTYPE"sv, "a web page"},
    {0, "<html"sv, "a web page"},
    {0, "version https://git-lfs"sv, "the pointer of a file that Git LFS did not fetch"},
}};

bool is_of_kind(std::span<const std::byte> bytes, const FileKind& kind) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return text.size() > kind.offset && text.substr(kind.offset).starts_with(kind.magic);
}

const PictureFormat& sniff_format(const PictureFile& file) {
  for (const PictureFormat& format : kFormats) {
    if (is_of_kind(file.bytes, format.kind)) return format;
  }
  constexpr std::string_view kExpected = "JPEG, PNG, WebP, BMP or PPM";
  if (file.bytes.empty()) refuse_picture(file, kExpected, "an empty file");
  for (const FileKind& kind : kOthers) {
    if (!is_of_kind(file.bytes, kind)) continue;
    refuse_picture(file, kExpected, kind.name, "convert it to PNG first");
  }
  const std::string_view start(reinterpret_cast<const char*>(file.bytes.data()),
                               std::min<std::size_t>(file.bytes.size(), 8));
  refuse_picture(file, kExpected, fmt::format("a file that starts with '{}'", printable(start)));
}

DecodedPicture decode_format(const PictureFile& file, const PictureFormat& format, ColorMode mode) {
  StoredPicture stored = format.decode(file);
  DecodedPicture result{
      .picture = {}, .format = std::string(format.kind.name), .notes = std::move(stored.notes)};
  if (stored.end_bytes < file.bytes.size()) {
    result.notes.push_back(fmt::format("{} bytes after the picture are not of it",
                                       file.bytes.size() - stored.end_bytes));
  }
  const int orientation = find_orientation(stored.metadata, result.notes);
  // Turned while it has fewer channels.
  if (mode == ColorMode::kL) stored.picture = to_luminance(std::move(stored.picture));
  result.picture = orient(std::move(stored.picture), orientation);
  if (mode == ColorMode::kRGB) result.picture = to_rgb(std::move(result.picture));
  return result;
}

}  // namespace

DecodedPicture decode_picture(std::span<const std::byte> bytes, ColorMode mode,
                              const std::string& where, const DecodeLimits& limits) {
  const PictureFile file{bytes, where, limits.max_pixels};
  const PictureFormat& format = sniff_format(file);
  try {
    return decode_format(file, format, mode);
  } catch (const std::bad_alloc&) {
    refuse_picture(file, "a picture that fits into memory", "more pixels than that", "shrink it");
  }
}

DecodedPicture load_picture(const std::filesystem::path& file, ColorMode mode,
                            const DecodeLimits& limits) {
  const auto mapped = MappedFile::open(file);
  DecodedPicture decoded = decode_picture(mapped->bytes(), mode, shown(file), limits);
  mapped->require_intact();
  return decoded;
}

bool looks_like_picture(std::span<const std::byte> bytes) {
  return std::ranges::any_of(
      kFormats, [&](const PictureFormat& format) { return is_of_kind(bytes, format.kind); });
}

void refuse_picture(const PictureFile& file, std::string_view expected, std::string_view got,
                    std::string_view advice) {
  throw FormatError(fmt::format("{}: picture: expected {}, got {}{}{}", file.where, expected, got,
                                advice.empty() ? "" : "; ", advice));
}

void refuse_truncated(const PictureFile& file, std::string_view format) {
  refuse_picture(file, fmt::format("a whole {}", format),
                 fmt::format("a truncated one of {} bytes", file.bytes.size()),
                 "fetch or copy the file again");
}

void require_size(const PictureFile& file, std::int64_t width, std::int64_t height) {
  const std::string size = fmt::format("{} x {}", width, height);
  if (width <= 0 || height <= 0) refuse_picture(file, "at least 1 x 1 pixels", size);
  const auto pixels = checked_mul(width, height);
  if (!pixels || *pixels > file.max_pixels) {
    refuse_picture(file, fmt::format("at most {} pixels", file.max_pixels), size,
                   "--max-pixels raises the limit");
  }
}

Picture make_picture(const PictureFile& file, std::int64_t width, std::int64_t height,
                     std::int64_t channels) {
  require_size(file, width, height);
  const auto samples = checked_mul(width * height, channels);
  if (!samples) throw std::bad_alloc();
  Picture picture{.width = width, .height = height, .channels = channels, .samples = {}};
  picture.samples.resize(narrow<std::size_t>(*samples));
  return picture;
}

}  // namespace weightlift
