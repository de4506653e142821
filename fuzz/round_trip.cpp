#include "fuzz/round_trip.h"

#include <unistd.h>

#include "weightlift/checkpoint.h"

namespace weightlift::fuzzing {

namespace {

/// In memory, where the system has such a place.
std::filesystem::path parent_folder() {
  const std::filesystem::path memory = "/dev/shm";
  return std::filesystem::exists(memory) ? memory : std::filesystem::temp_directory_path();
}

/// A path that does not exist.
std::filesystem::path scratch(const char* name) {
  static const std::filesystem::path folder =
      parent_folder() / ("weightlift-fuzz-" + std::to_string(::getpid()));
  std::filesystem::path path = folder.string() + name;
  std::filesystem::remove(path);
  return path;
}

std::shared_ptr<const MappedFile> open_and_remove(const std::filesystem::path& path) {
  auto file = MappedFile::open(path);
  std::filesystem::remove(path);
  return file;
}

}  // namespace

std::shared_ptr<const MappedFile> write(
    const StateDict& tensors, const std::vector<std::pair<std::string, std::string>>& metadata,
    const char* name) {
  const std::vector<OutputTensor> entries = output_tensors(tensors);
  const auto path = scratch(name);
  write_safetensors(path, entries, metadata);
  require(std::filesystem::file_size(path) == safetensors_file_bytes(entries, metadata));
  return open_and_remove(path);
}

std::shared_ptr<const MappedFile> write_bin(const StateDict& tensors, const char* name) {
  const auto path = scratch(name);
  write_torch(path, output_tensors(tensors));
  return open_and_remove(path);
}

std::filesystem::path make_folder() {
  std::string name = parent_folder() / "weightlift-fuzz-XXXXXX";
  require(::mkdtemp(name.data()) != nullptr);
  return name;
}

}  // namespace weightlift::fuzzing
