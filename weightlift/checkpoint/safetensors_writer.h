#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "weightlift/checkpoint/output_file.h"
#include "weightlift/tensor/tensor.h"

namespace weightlift {

/// One tensor to write, as `dtype`: converted on the way where it has another (see convert.h).
struct SafetensorsEntry {
  std::string name;
  Tensor tensor;
  DType dtype;
};

using SafetensorsMetadata = std::vector<std::pair<std::string, std::string>>;

/// The exact size of the file that write_safetensors would make of this. Throws as it does for what
/// no file can hold.
std::uint64_t safetensors_file_bytes(const std::vector<SafetensorsEntry>& entries,
                                     const SafetensorsMetadata& metadata);

/// Writes a new file, byte for byte what the safetensors package writes of the same tensors: by
/// dtype (descending in DType's order), then by name. Metadata come sorted by key (there they come
/// in random order), and not at all where there are none. The same input gives the same bytes.
///
/// Streams from the tensors' own memory and gives mapped pages back as it goes; it holds a buffer
/// of 1 MiB and the header. Throws FormatError, before the file is made, where a name is taken
/// or none that every reader takes (tensor_name.h), where a dtype cannot be had, or where the
/// header would exceed 100,000,000 bytes; IoError where the file exists or the system refuses ("Bad
/// address" where a mapped source was shortened: ask its require_intact()). After an exception a
/// part of the file may be there: the caller owns the folder.
void write_safetensors(const std::filesystem::path& path,
                       const std::vector<SafetensorsEntry>& entries,
                       const SafetensorsMetadata& metadata, const WriteProgress& progress = {});

}  // namespace weightlift
