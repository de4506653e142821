#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "weightlift/base/file.h"
#include "weightlift/checkpoint/sniff.h"
#include "weightlift/checkpoint/zip.h"
#include "weightlift/tensor/state_dict.h"

namespace weightlift {

/// One weights file, read as far as its names and shapes. The tensors are views of it, but for
/// those of a torch file that do not lie there in row-major order.
struct Checkpoint {
  CheckpointFormat format;
  std::filesystem::path path;
  std::shared_ptr<const MappedFile> file;
  StateDict tensors;  ///< in the file's order, without what wrappers put before all names
  std::vector<std::pair<std::string, std::string>> metadata{};
  std::vector<std::string> notes{};     ///< accepted, yet worth a warning: one line each
  std::string state_dict{};             ///< of a torch file: the key that holds it, "" for the top
  std::vector<std::string> left_out{};  ///< of a torch file: "epoch (an int)"
  std::vector<std::string> globals{};   ///< of a torch file: what was named and never made
  std::vector<ZipEntry> checksums{};    ///< of a torch zip: what require_checksums reads
};

/// Opens a weights file, whatever its name says it is; of a torch file, the state dict that timm
/// would take. Throws IoError where it cannot be opened, and FormatError where it is damaged or no
/// checkpoint at all (the message says what it looks like).
Checkpoint open_checkpoint(const std::filesystem::path& path);

/// Reads all that the file has checksums for. Throws FormatError where one does not hold. To be
/// called before what was read is published; opening does not, so that it takes no time.
void require_checksums(const Checkpoint& checkpoint);

}  // namespace weightlift
