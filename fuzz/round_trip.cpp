#include "fuzz/round_trip.h"

#include <unistd.h>

#include "weightlift/checkpoint/safetensors_writer.h"

namespace weightlift::fuzzing {

namespace {

std::filesystem::path scratch(const char* name) {
  static const std::filesystem::path folder = [] {
    const std::filesystem::path memory = "/dev/shm";
    const auto parent =
        std::filesystem::exists(memory) ? memory : std::filesystem::temp_directory_path();
    return parent / ("weightlift-fuzz-" + std::to_string(::getpid()));
  }();
  return folder.string() + name;
}

}  // namespace

std::shared_ptr<const MappedFile> write(
    const StateDict& tensors, const std::vector<std::pair<std::string, std::string>>& metadata,
    const char* name) {
  std::vector<SafetensorsEntry> entries;
  for (const auto& [tensor_name, tensor] : tensors) {
    entries.push_back({tensor_name, tensor, tensor.dtype()});
  }
  const auto path = scratch(name);
  std::filesystem::remove(path);
  write_safetensors(path, entries, metadata);
  require(std::filesystem::file_size(path) == safetensors_file_bytes(entries, metadata));
  auto file = MappedFile::open(path);
  std::filesystem::remove(path);
  return file;
}

}  // namespace weightlift::fuzzing
