#pragma once

#include <filesystem>
#include <iosfwd>
#include <vector>

#include "weightlift/checkpoint/output_tensor.h"

namespace weightlift {

/// Writes a new file as torch.save writes an OrderedDict of these tensors, in their order: torch
/// (weights_only, mapped or not), timm and transformers load it. Each tensor has a storage of its
/// own, aligned to 64 bytes. The same tensors give the same bytes.
///
/// Streams from the tensors' own memory, which it reads and converts twice (the checksum comes
/// first), and releases mapped pages while it writes. Before it creates the file it throws
/// FormatError for a duplicate name or one that not every reader accepts (tensor_name.h), and
/// UnsupportedError for a conversion that convert.h does not have or a dtype without a storage
/// class of torch (float8, uint16, uint32, uint64). Throws ExistsError and IoError as
/// write_safetensors. After an exception a part of the file may remain: the caller owns the folder.
void write_torch(const std::filesystem::path& path, const std::vector<OutputTensor>& tensors,
                 const WriteProgress& progress = {});

/// Writes the same bytes to a stream; throws as write_torch, and for the stream as
/// write_safetensors.
void write_torch(std::ostream& stream, const std::vector<OutputTensor>& tensors,
                 const WriteProgress& progress = {});

}  // namespace weightlift
