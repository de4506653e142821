#pragma once

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <string>
#include <utility>
#include <vector>

#include "weightlift/checkpoint/output_tensor.h"

namespace weightlift {

/// The file's __metadata__: keys and values.
using SafetensorsMetadata = std::vector<std::pair<std::string, std::string>>;

/// The exact size of the file that write_safetensors would write. Throws FormatError and
/// UnsupportedError as it does.
std::uint64_t safetensors_file_bytes(const std::vector<OutputTensor>& tensors,
                                     const SafetensorsMetadata& metadata);

/// Writes a new file, byte for byte as the safetensors package writes the same tensors: by dtype
/// (descending in DType's order), then by name. Metadata are sorted by key (the package writes them
/// in random order), and omitted where there are none. The same input gives the same bytes.
///
/// Streams from the tensors' own memory and releases mapped pages while it writes. It needs the
/// header and buffers of a few MiB, also for conversions. Before it creates the file it throws
/// FormatError where a name is a duplicate or not one that every reader accepts (tensor_name.h), or
/// where the header would exceed 100,000,000 bytes, and UnsupportedError for a conversion that
/// convert.h does not have. Throws ExistsError where the file exists, and IoError where the system
/// refuses ("Bad address" where a mapped source was shortened: call its require_intact()). After an
/// exception a part of the file may remain: the caller owns the folder.
void write_safetensors(const std::filesystem::path& path, const std::vector<OutputTensor>& tensors,
                       const SafetensorsMetadata& metadata, const WriteProgress& progress = {});

/// Writes the same bytes to a stream, from its current position on, and flushes it; it never seeks.
/// Open the stream in binary mode. Throws before the first byte as the function above; "output
/// stream" is the place of its messages. Throws IoError where the stream fails or has failed
/// before, whether or not its exceptions() ask for std::ios_base::failure. Other exceptions that
/// they let through, those of the stream's buffer, reach the caller. After an exception a part may
/// be written.
void write_safetensors(std::ostream& stream, const std::vector<OutputTensor>& tensors,
                       const SafetensorsMetadata& metadata, const WriteProgress& progress = {});

}  // namespace weightlift
