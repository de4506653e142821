#include "weightlift/checkpoint/sniff.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "weightlift/base/bytes.h"
#include "weightlift/base/error.h"

namespace weightlift {

namespace {

/// The first bytes of a foreign file, what it is, and what to do about it.
struct Lookalike {
  std::string_view prefix;
  std::string_view what;
};

using std::string_view_literals::operator""sv;

constexpr std::array<Lookalike, 12> kLookalikes = {{
    {"version https://git-lfs"sv,
     "a git-lfs pointer in place of the weights; fetch them with git lfs pull"},
    {"<!DOCTYPE"sv, "an HTML page in place of the weights; download the file again"},
    {"<!doctype"sv, "an HTML page in place of the weights; download the file again"},
    {"<html"sv, "an HTML page in place of the weights; download the file again"},
    {"<HTML"sv, "an HTML page in place of the weights; download the file again"},
    {"<?xml"sv, "an XML page in place of the weights; download the file again"},
    {"\x1f\x8b"sv, "a gzip archive; unpack it first"},
    {"PK\x05\x06"sv, "an empty zip archive"},
    {"PYTORCH1"sv, "a checkpoint of a preview of torch 1.0, which no torch reads"},
    {"GGUF"sv, "a GGUF file"},
    {"\x89HDF"sv, "an HDF5 file (Keras or TensorFlow)"},
    {"{"sv, "JSON text"},
}};

constexpr std::string_view kLegacyMagic =
    "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e"sv;
constexpr std::size_t kTarMagicOffset = 257;

/// safetensors has no magic number: a header length that fits the file, then JSON.
bool looks_like_safetensors(std::span<const std::byte> bytes) {
  constexpr std::size_t kPrefixBytes = 8;
  if (bytes.size() <= kPrefixBytes) return false;
  const auto first = static_cast<char>(bytes[kPrefixBytes]);
  return std::string_view("{ \t\r\n").find(first) != std::string_view::npos;
}

}  // namespace

CheckpointFormat detect_format(std::span<const std::byte> bytes, const std::string& where) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.empty()) {
    throw FormatError(fmt::format("{}: expected a checkpoint, got an empty file", where));
  }
  if (text.starts_with("PK\x03\x04")) return CheckpointFormat::kTorchZip;
  if (text.starts_with(kLegacyMagic)) return CheckpointFormat::kTorchLegacy;
  for (const Lookalike& lookalike : kLookalikes) {
    if (text.starts_with(lookalike.prefix)) {
      throw FormatError(fmt::format("{}: expected a checkpoint, got {}", where, lookalike.what));
    }
  }
  if (text.size() > kTarMagicOffset && text.substr(kTarMagicOffset).starts_with("ustar")) {
    throw FormatError(fmt::format("{}: expected a checkpoint, got a tar archive", where));
  }
  // Everything else is left to the safetensors reader, whose message says what is wrong with it,
  // unless it cannot be meant as one.
  if (!looks_like_safetensors(bytes) && text.front() == '\x80')
    return CheckpointFormat::kTorchLegacy;
  return CheckpointFormat::kSafetensors;
}

}  // namespace weightlift
