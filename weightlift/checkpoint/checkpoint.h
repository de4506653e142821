#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "weightlift/base/file.h"
#include "weightlift/checkpoint/sniff.h"
#include "weightlift/tensor/state_dict.h"

namespace weightlift {

/// One weights file, read as far as its names and shapes; the tensors are views of it.
struct Checkpoint {
  CheckpointFormat format;
  std::filesystem::path path;
  std::shared_ptr<const MappedFile> file;
  StateDict tensors;  ///< in the file's order
  std::vector<std::pair<std::string, std::string>> metadata;
  std::vector<std::string> notes;  ///< accepted, yet worth a warning: one line each
};

/// Opens a weights file, whatever its name says it is. Throws IoError where it cannot be opened,
/// and FormatError where it is damaged, no checkpoint at all (the message says what it looks like),
/// or a torch checkpoint, which cannot be read yet.
Checkpoint open_checkpoint(const std::filesystem::path& path);

}  // namespace weightlift
