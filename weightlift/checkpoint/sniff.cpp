#include "weightlift/checkpoint/sniff.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "weightlift/base/bytes.h"
#include "weightlift/base/json.h"
#include "weightlift/base/message.h"
#include "weightlift/base/wrong_download.h"
#include "weightlift/checkpoint/safetensors.h"
#include "weightlift/checkpoint/zip.h"

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

constexpr std::string_view kUnpack = "unpack it first"sv;
constexpr std::string_view kFetchAgain = "download the file again"sv;

constexpr std::string_view kPickle = "a Python pickle that torch.save did not write"sv;

constexpr std::array<Magic, 20> kOthers = {{
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
    {0, "\x89PNG\r\n\x1A\n"sv, "a PNG image"sv},
    {0, "\xFF\xD8\xFF"sv, "a JPEG image"sv},
    {0, "%PDF-"sv, "a PDF document"sv},
    {0,
     "\x7F"
     "ELF"sv,
     "a program or a library (ELF)"sv},
}};

bool has(std::string_view text, const Magic& magic) {
  return text.size() >= magic.offset && text.substr(magic.offset).starts_with(magic.bytes);
}

/// Whether the last bytes of a file have the mark of a zip's end.
bool has_zip_end(std::string_view text) {
  constexpr std::size_t kTail = std::size_t{1} << 20U;
  return text.substr(text.size() - std::min(text.size(), kTail)).find("PK\x05\x06"sv) !=
         std::string_view::npos;
}

/// A name in a zip that tells what the zip is: the whole name, or its last part.
struct ZipMark {
  std::string_view name;
  std::string_view what;
  std::string_view advice;
};

constexpr std::string_view kSaveStateDict = "save the model's state dict instead";

constexpr std::array<ZipMark, 9> kZipMarks = {{
    {"constants.pkl", "a TorchScript archive", kSaveStateDict},
    {"archive_format", "a program of torch.export (.pt2)", kSaveStateDict},
    {"serialized_exported_program.json", "a program of torch.export (.pt2)", kSaveStateDict},
    {"model.weights.h5", "a Keras model (.keras)", {}},
    {"saved_model.pb", "a TensorFlow SavedModel", {}},
    {"[Content_Types].xml", "an Office document", {}},
    {"MAR-INF/MANIFEST.json", "a TorchServe archive (.mar)", kUnpack},
    {"META-INF/MANIFEST.MF", "a Java archive", {}},
    {"AndroidManifest.xml", "an Android package", {}},
}};

/// Endings of weights files that people pack into a zip.
constexpr auto kPackedEndings = std::to_array<std::string_view>(
    {".pth", ".pt", ".pth.tar", ".ckpt", ".bin", ".safetensors", ".pkl", ".onnx", ".h5"});

bool ends_in_part(std::string_view name, std::string_view part) {
  return name == part || (name.ends_with(part) && name[name.size() - part.size() - 1] == '/');
}

/// What kind of zip it is, by the names in its directory; nothing for a torch checkpoint, and for a
/// damaged directory, which the reader of zips describes best.
std::optional<OtherFile> not_a_torch_zip(std::string_view text) {
  if (!has_zip_end(text)) {
    return OtherFile{"a truncated zip archive", std::string(kFetchAgain)};
  }
  const std::vector<std::string_view> names = list_zip_names(std::as_bytes(std::span(text)));
  if (names.empty()) return std::nullopt;
  for (const ZipMark& mark : kZipMarks) {
    if (std::ranges::any_of(names, [&](auto name) { return ends_in_part(name, mark.name); })) {
      return OtherFile{std::string(mark.what), std::string(mark.advice), true};
    }
  }
  const auto is_pickle = [](std::string_view name) { return ends_in_part(name, "data.pkl"); };
  if (std::ranges::any_of(names, is_pickle)) return std::nullopt;
  if (std::ranges::all_of(names, [](auto name) { return name.ends_with(".npy"); })) {
    return OtherFile{"an archive of NumPy arrays (.npz)", "", true};
  }
  for (const std::string_view name : names) {
    const auto ends = [&](std::string_view ending) { return name.ends_with(ending); };
    if (std::ranges::none_of(kPackedEndings, ends)) continue;
    return OtherFile{fmt::format("a zip archive that contains '{}'", printable(name)),
                     std::string(kUnpack), true};
  }
  return OtherFile{"a zip archive that torch.save did not write", "", true};
}

/// A protobuf message that may be an ONNX model: fields of ModelProto by number, up to the graph.
/// Nothing else tells: ONNX has no magic number.
bool is_onnx(std::string_view text) {
  constexpr std::uint64_t kGraph = 7;
  constexpr std::uint64_t kLastBefore = 6;  // ir_version, producer, domain, model_version, doc
  std::size_t at = 0;
  const auto varint = [&]() -> std::optional<std::uint64_t> {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 63 && at < text.size(); shift += 7) {
      const auto byte = static_cast<unsigned char>(text[at++]);
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if ((byte & 0x80U) == 0) return value;
    }
    return std::nullopt;
  };
  for (bool first = true;; first = false) {
    const auto tag = varint();
    const auto value = tag ? varint() : std::nullopt;  // the number, or the length of a text
    if (!value) return false;
    const std::uint64_t field = *tag >> 3U;
    const std::uint64_t kind = *tag & 7U;
    if (first && (*tag != 0x08 || *value == 0 || *value > 100)) return false;  // ir_version
    if (field == kGraph) return kind == 2 && !first;
    if (field == 0 || field > 8 || (kind != 0 && kind != 2)) return false;
    if (field > kLastBefore && kind != 2) return false;
    if (kind == 2 && *value > text.size() - at) return false;
    if (kind == 2) at += static_cast<std::size_t>(*value);
  }
}

bool is_text(std::string_view text) {
  return std::ranges::all_of(text.substr(0, 256), [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\r' || c == '\t';
  });
}

/// A server's reply that was saved in place of the weights. Of text that is not JSON nothing is
/// quoted: through a link it may be a secret of the user.
OtherFile describe_text(std::string_view text) {
  constexpr std::size_t kMostBytes = 4096;  // of a reply
  std::string what = "plain text";
  if (const std::size_t start = text.find_first_not_of(" \t\r\n");
      start != text.npos && (text[start] == '{' || text[start] == '[')) {
    what = "JSON text";
  }
  if (text.size() <= kMostBytes) {
    const auto reply = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
    if (const auto* error = find_member(reply, "error"); error != nullptr && error->is_string()) {
      what = fmt::format("a JSON reply, error '{}'", printable(error->get<std::string>()));
    }
  }
  return {what, std::string(kFetchAgain)};
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
    return {std::string(magic->what), std::string(magic->advice), true};
  }
  const WrongDownload other = find_wrong_download(text);
  if (!other.what.empty()) return {std::string(other.what), std::string(other.advice)};
  if (is_onnx(text)) return {"an ONNX model", "convert the checkpoint that it was made from", true};
  if (is_text(text)) return describe_text(text);
  if (has_zip_end(text)) return {"a zip archive with other bytes in front of it"};
  return {fmt::format("{} bytes of unknown format", text.size())};
}

[[noreturn]] void refuse(const OtherFile& file, const std::string& where) {
  const Hints hints = file.advice.empty() ? Hints() : advice(file.advice);
  if (file.unsupported) {
    throw UnsupportedError(where, fmt::format("unsupported format: {}", file.what), hints);
  }
  throw FormatError(where, fmt::format("not a checkpoint but {}", file.what), hints);
}

}  // namespace

std::string_view name_other_file(std::string_view text) {
  if (text.starts_with(kZipMagic)) return "a zip archive";
  if (const Magic* magic = find_magic(text)) return magic->what;
  return find_wrong_download(text).what;
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
