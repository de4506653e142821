#include "weightlift/checkpoint/sniff.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "weightlift/base/bytes.h"
#include "weightlift/base/error.h"
#include "weightlift/checkpoint/safetensors.h"

// Names are not reliable: timm's own `*.pth.tar` are no tar files, and a `.bin` may be anything. So
// the bytes decide. safetensors alone has no magic number: it begins with the length of its header,
// at most 100,000,000, followed by `{` or white space. Some magic numbers are also such a length
// (gzip's often, a pickle's always), so both are checked. A file with such a length and no magic
// number goes to the safetensors reader, which reports best what is wrong with it.

namespace weightlift {

namespace {

using namespace std::string_view_literals;

struct Magic {
  std::size_t offset;
  std::string_view bytes;
  std::string_view what;
  std::string_view advice = {};
};

/// What a file that is not a checkpoint looks like.
struct OtherFile {
  std::string what;
  std::string advice = {};
  bool unsupported = false;  ///< a good file of another format
};

constexpr std::string_view kLegacyMagic = "\x8A\x0A\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19."sv;
constexpr std::string_view kFrame = "\x95\x0D\0\0\0\0\0\0\0"sv;  // around it, since protocol 4
constexpr std::string_view kZipMagic = "PK\x03\x04"sv;

constexpr std::string_view kLfsPointer = "a git-lfs pointer"sv;
constexpr std::string_view kUnpack = "unpack it first"sv;
constexpr std::string_view kDownloadAgain = "download the file again"sv;

constexpr std::string_view kPickle = "a Python pickle that torch.save did not write"sv;

constexpr std::array<Magic, 18> kOthers = {{
    {0, "version https://git-lfs"sv, kLfsPointer, "run `git lfs pull`"sv},
    {0, "version https://hawser"sv, kLfsPointer, "run `git lfs pull`"sv},
    {0, "PK\x05\x06"sv, "an empty zip archive"sv},
    {0, "PYTORCH1"sv, "a file of the PyTorch 1.0 preview"sv},
    {257, "ustar"sv, "a tar archive"sv, kUnpack},
    {0, "\x80\x02"sv, kPickle},
    {0, "\x80\x03"sv, kPickle},
    {0, "\x80\x04"sv, kPickle},
    {0, "\x80\x05"sv, kPickle},
    {0, "\x1F\x8B"sv, "a gzip archive"sv, kUnpack},
    {0, "\x28\xB5\x2F\xFD"sv, "a zstd archive"sv, kUnpack},
    {0, "\xFD\x37zXZ"sv, "an xz archive"sv, kUnpack},
    {0, "BZh"sv, "a bzip2 archive"sv, kUnpack},
    {0, "7z\xBC\xAF\x27\x1C"sv, "a 7z archive"sv, kUnpack},
    {0, "\x89HDF\r\n\x1A\n"sv, "an HDF5 file, as of Keras"sv},
    {0, "\x93NUMPY"sv, "a NumPy array"sv},
    {0, "GGUF"sv, "a GGUF file"sv},
    {4, "TFL3"sv, "a TensorFlow Lite model"sv},
}};

bool has(std::string_view text, const Magic& magic) {
  return text.size() >= magic.offset && text.substr(magic.offset).starts_with(magic.bytes);
}

/// The last bytes of a file, where a zip has its directory, or most of it.
std::string_view tail_of(std::string_view text) {
  constexpr std::size_t kTail = std::size_t{1} << 20U;
  return text.substr(text.size() - std::min(text.size(), kTail));
}

bool has_zip_end(std::string_view text) {
  return tail_of(text).find("PK\x05\x06"sv) != std::string_view::npos;
}

/// What kind of zip it is, by the names in its directory; nothing for a torch checkpoint.
std::optional<OtherFile> not_a_torch_zip(std::string_view text) {
  const std::string_view tail = tail_of(text);
  if (!has_zip_end(text)) {
    return OtherFile{"a truncated zip archive", std::string(kDownloadAgain)};
  }
  if (tail.find("/constants.pkl") != std::string_view::npos) {
    return OtherFile{"a TorchScript archive", "save the model's state dict instead", true};
  }
  // With 15,000 storages the directory is longer than the tail; but torch writes its pickle first.
  constexpr std::size_t kHead = 4096;
  for (const std::string_view part : {tail, text.substr(0, kHead)}) {
    if (part.find("/data.pkl") != std::string_view::npos) return std::nullopt;
  }
  return OtherFile{"a zip archive that torch.save did not write", "", true};
}

bool is_text(std::string_view text) {
  return std::ranges::all_of(text.substr(0, 256), [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\r' || c == '\t';
  });
}

std::string start_of(std::string_view text) {
  std::string start(text.substr(0, 64));
  start.erase(0, start.find_first_not_of(" \t\r\n"));
  return start;
}

/// "an HTML page" or "an XML document"; empty for other text.
std::string_view name_markup(std::string start) {
  std::ranges::transform(start, start.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (start.starts_with("<!doctype html") || start.starts_with("<html")) return "an HTML page";
  return start.starts_with("<?xml") ? "an XML document" : "";
}

/// A web page, a reply or a message that was saved in place of the weights.
OtherFile describe_text(std::string_view text) {
  const std::string start = start_of(text);
  std::string_view kind = name_markup(start);
  if (kind.empty()) {
    kind = start.starts_with("{") || start.starts_with("[") ? "JSON text" : "plain text";
  }
  return {fmt::format("{} that begins '{}'", kind, printable(start, 48)),
          std::string(kDownloadAgain)};
}

bool has_header_length(std::string_view text) {
  const auto length = load_little_endian<std::uint64_t>(std::as_bytes(std::span(text)));
  return length && *length <= kMaxSafetensorsHeaderBytes;
}

bool looks_like_safetensors(std::string_view text) {
  return has_header_length(text) && text.size() > 8 &&
         "{ \t\r\n"sv.find(text[8]) != std::string_view::npos;
}

const Magic* find_magic(std::string_view text) {
  const auto* const found =
      std::ranges::find_if(kOthers, [&](const Magic& magic) { return has(text, magic); });
  return found == kOthers.end() ? nullptr : found;
}

OtherFile describe(std::string_view text) {
  if (text.empty()) return {"an empty file"};
  if (const Magic* magic = find_magic(text)) {
    const bool unsupported = magic->what != kLfsPointer;
    return {std::string(magic->what), std::string(magic->advice), unsupported};
  }
  if (is_text(text)) return describe_text(text);
  if (has_zip_end(text)) return {"a zip archive with other bytes in front of it"};
  return {fmt::format("{} bytes of unknown format that begin '{}'", text.size(),
                      printable(text.substr(0, 8)))};
}

[[noreturn]] void refuse(const OtherFile& file, const std::string& where) {
  const Hints hints = file.advice.empty() ? Hints() : advice(file.advice);
  if (file.unsupported) {
    throw UnsupportedError(where, fmt::format("unsupported format: {}", file.what), hints);
  }
  throw FormatError(where, fmt::format("not a checkpoint but {}", file.what), hints);
}

}  // namespace

std::string_view to_string(CheckpointFormat format) {
  switch (format) {
    case CheckpointFormat::kSafetensors:
      return "safetensors";
    case CheckpointFormat::kTorchZip:
      return "torch zip";
    case CheckpointFormat::kTorchLegacy:
      return "torch legacy";
  }
  return "unknown";
}

std::string_view name_other_file(std::string_view text) {
  if (text.starts_with(kZipMagic)) return "a zip archive";
  if (const Magic* magic = find_magic(text)) return magic->what;
  return name_markup(start_of(text));
}

std::size_t legacy_magic_bytes(std::string_view text) {
  const bool pickle = text.size() > 2 && text[0] == '\x80' && text[1] >= 2 && text[1] <= 5;
  if (!pickle) return 0;
  std::size_t at = 2;
  if (text.substr(at).starts_with(kFrame)) at += kFrame.size();
  return text.substr(at).starts_with(kLegacyMagic) ? at + kLegacyMagic.size() : 0;
}

CheckpointFormat detect_format(std::span<const std::byte> bytes, const std::string& where) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with(kZipMagic)) {
    const auto other = not_a_torch_zip(text);
    if (!other) return CheckpointFormat::kTorchZip;
    refuse(*other, where);
  }
  if (legacy_magic_bytes(text) != 0) return CheckpointFormat::kTorchLegacy;
  if (looks_like_safetensors(text) || (has_header_length(text) && find_magic(text) == nullptr)) {
    return CheckpointFormat::kSafetensors;
  }
  refuse(describe(text), where);
}

}  // namespace weightlift
