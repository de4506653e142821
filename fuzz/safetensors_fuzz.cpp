// Any bytes are refused by a FormatError or read. What was read can be written, and reads back as
// the same tensors and metadata; what is written of that again is the same file.
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "weightlift/base/error.h"
#include "weightlift/base/file.h"
#include "weightlift/checkpoint/safetensors.h"
#include "weightlift/checkpoint/safetensors_writer.h"
#include "weightlift/tensor/compare.h"

namespace {

using namespace weightlift;

void require(bool property) {
  if (!property) std::abort();
}

std::filesystem::path scratch(const char* name) {
  static const std::filesystem::path folder = [] {
    const std::filesystem::path memory = "/dev/shm";
    const auto parent =
        std::filesystem::exists(memory) ? memory : std::filesystem::temp_directory_path();
    return parent / ("weightlift-fuzz-" + std::to_string(::getpid()));
  }();
  return folder.string() + name;
}

std::optional<SafetensorsFile> parse(std::span<const std::byte> bytes) {
  try {
    return parse_safetensors(bytes, nullptr, "input");
  } catch (const FormatError&) {
    return std::nullopt;
  }
}

/// The file that is written of `source`, which is removed again at once.
std::shared_ptr<const MappedFile> write(const SafetensorsFile& source, const char* name) {
  std::vector<SafetensorsEntry> entries;
  for (const auto& [tensor_name, tensor] : source.tensors) {
    entries.push_back({tensor_name, tensor, tensor.dtype()});
  }
  const auto path = scratch(name);
  std::filesystem::remove(path);
  write_safetensors(path, entries, source.metadata);
  require(std::filesystem::file_size(path) == safetensors_file_bytes(entries, source.metadata));
  auto file = MappedFile::open(path);
  std::filesystem::remove(path);
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = parse(std::as_bytes(std::span(data, size)));
  if (!input) return 0;
  const auto first_file = write(*input, ".first");
  const SafetensorsFile first = load_safetensors(first_file);
  require(first.tensors.size() == input->tensors.size());
  require(first.metadata.size() == input->metadata.size());
  for (const auto& [name, tensor] : input->tensors) {
    require(bit_equal(tensor, first.tensors.at(name)));
  }
  const auto second_file = write(first, ".second");
  const auto a = first_file->bytes();
  const auto b = second_file->bytes();
  require(std::equal(a.begin(), a.end(), b.begin(), b.end()));
  return 0;
}
