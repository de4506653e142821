#pragma once

#include <filesystem>

#include "weightlift/checkpoint/output_file.h"
#include "weightlift/tensor/state_dict.h"

namespace weightlift {

/// Writes a new file as torch.save would of an OrderedDict of these tensors, in their order: what
/// torch (weights_only, mapped or not), timm and transformers load. Each tensor has a storage of
/// its own, aligned to 64 bytes. The same tensors give the same bytes.
///
/// Streams from the tensors' own memory, which it reads twice (the checksum comes first), and gives
/// mapped pages back as it goes. Throws FormatError, before the file is made, where a name is none
/// that every reader takes (empty, longer than 100,000 bytes, with NUL, not UTF-8, "__metadata__")
/// or where torch has no storage class for a dtype (float8, uint16, uint32, uint64); IoError as
/// write_safetensors. After an exception a part of the file may be there: the caller owns the
/// folder.
void write_torch(const std::filesystem::path& path, const StateDict& tensors,
                 const WriteProgress& progress = {});

}  // namespace weightlift
