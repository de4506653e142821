// Any bytes are refused by a FormatError or UnsupportedError, or read. What was read can be
// written, and reads back as the same tensors and metadata; writing those again gives the same
// file.
#include <algorithm>
#include <cstdint>
#include <optional>

#include "fuzz/round_trip.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint/safetensors.h"
#include "weightlift/tensor/compare.h"

namespace {

using namespace weightlift;
using fuzzing::require;

std::optional<SafetensorsFile> parse(std::span<const std::byte> bytes) {
  try {
    return parse_safetensors(bytes, nullptr, "input");
  } catch (const FormatError&) {
    return std::nullopt;
  } catch (const UnsupportedError&) {
    return std::nullopt;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = parse(std::as_bytes(std::span(data, size)));
  if (!input) return 0;
  const auto first_file = fuzzing::write(input->tensors, input->metadata, ".first");
  const SafetensorsFile first = load_safetensors(first_file);
  require(first.tensors.size() == input->tensors.size());
  require(first.metadata.size() == input->metadata.size());
  for (const auto& [name, tensor] : input->tensors) {
    require(bit_equal(tensor, first.tensors.at(name)));
  }
  const auto second_file = fuzzing::write(first.tensors, first.metadata, ".second");
  const auto a = first_file->bytes();
  const auto b = second_file->bytes();
  require(std::equal(a.begin(), a.end(), b.begin(), b.end()));
  return 0;
}
